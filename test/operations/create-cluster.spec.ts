import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientBundleBody, ClusterBody } from '@managed-consul/api-contract';
import { minutes } from '@managed-consul/config';
import { consulBinary, readExportedSpans, until, type CollectedSpan } from '@managed-consul/testing';
import { startConsulClientAgent } from '../support/consul-client-agent';
import { askConsul, CONSUL_HTTPS_PORT, type ConsulTarget } from '../support/consul-https';
import { signIn, type Customer } from '../support/customer';
import { listeningAddresses } from '../support/machine-processes';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

const CLIENT_ADDRESS = '127.88.0.9';

let status: ServiceStatus;
let customer: Customer;
let hello: ClusterBody;
let bundle: ClientBundleBody;
let rootToken: string;

const server = (index: number, token?: string): ConsulTarget => {
  const found = hello.observed.servers[index];
  if (!found) throw new Error(`the cluster has no server ${index}`);
  return { address: found.address, datacenter: hello.datacenter, ca: bundle.caPem, ...(token ? { token } : {}) };
};

const canConnect = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });

async function makeRootToken(clusterId = hello.id): Promise<string> {
  const accepted = await customer.api.call('createRootToken', { params: { id: clusterId }, body: {} });
  const operation = await customer.untilEnded(accepted.body.operation.id);
  expect(operation.status).toBe('Succeeded');
  return accepted.body.rootToken.secretId;
}

/** Addresses of the servers that have a vote, as `target` tells them; a server without one is left out. */
async function votersAt(target: ConsulTarget): Promise<string[]> {
  const answer = await askConsul(target, 'GET', '/v1/operator/raft/configuration');
  const { Servers } = JSON.parse(answer.body) as { Servers: { Voter: boolean; Address: string }[] };
  return Servers.filter(({ Voter }) => Voter).map(({ Address }) => Address.split(':')[0] ?? '');
}

beforeAll(async () => {
  status = await serviceStatus();
  customer = signIn(status, status.samples.customer);
  if (!status.cluster) throw new Error('./hcs up has not made the sample cluster');
  hello = (await customer.api.call('getCluster', { params: { id: status.cluster.id } })).body;
  bundle = (await customer.api.call('createClientBundle', { params: { id: hello.id }, body: {} })).body;
  rootToken = await makeRootToken();
});

describe('the sample cluster', () => {
  it('is Succeeded with three servers', () => {
    expect(hello.provisioningState).toBe('Succeeded');
    expect(hello.observed.servers).toHaveLength(3);
    expect(new Set(hello.observed.servers.map(({ address }) => address)).size).toBe(3);
  });

  it('has three voters, reached over HTTPS with certificates of its own CA', async () => {
    for (const index of [0, 1, 2]) {
      expect(await votersAt(server(index, rootToken))).toHaveLength(3);
    }
  });

  it('is not trusted under any other CA', async () => {
    const stranger = { ...server(0, rootToken), ca: '' };
    await expect(askConsul(stranger, 'GET', '/v1/status/leader')).rejects.toThrow(/certificate|CA/);
  });

  it('denies an anonymous read of a key', async () => {
    await askConsul(server(0, rootToken), 'PUT', '/v1/kv/secret-recipe', 'butter');
    expect((await askConsul(server(0), 'GET', '/v1/kv/secret-recipe')).status).toBe(403);
    expect((await askConsul(server(0, rootToken), 'GET', '/v1/kv/secret-recipe?raw')).body).toBe('butter');
  });

  it('does not listen for plain HTTP', async () => {
    for (const { address } of hello.observed.servers) {
      expect(await canConnect(address, 8500)).toBe(false);
      expect(await canConnect(address, 8501)).toBe(true);
    }
  });

  it('encrypts gossip with one key that every server holds', async () => {
    const answer = await askConsul(server(0, rootToken), 'GET', '/v1/operator/keyring');
    const rings = JSON.parse(answer.body) as { WAN: boolean; Keys: Record<string, number>; NumNodes: number }[];
    const lan = rings.find(({ WAN }) => !WAN);
    expect(lan?.Keys).toEqual({ [bundle.clientConfiguration.encrypt]: lan?.NumNodes });
  });
});

/** As a customer's own tracing sends them. */
const TRACE_ID = randomUUID().replaceAll('-', '');
const CORRELATION_ID = `five-${randomUUID()}`;
const HEADERS = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`, 'x-ms-correlation-request-id': CORRELATION_ID };

/** What the service under test has sent of the trace. */
function spansOfTrace(file: string): CollectedSpan[] {
  const exported = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return exported.flatMap(readExportedSpans).filter(({ traceId }) => traceId === TRACE_ID);
}

describe('a cluster of five servers', () => {
  it('reaches Succeeded with five voters beside the sample cluster, and is deleted again', async () => {
    const five = await customer.createCluster({
      name: `five-${randomUUID().slice(0, 6)}`,
      servers: 5,
      networkCidr: '10.43.0.0/24',
      headers: HEADERS,
    });
    try {
      expect(five.provisioningState).toBe('Succeeded');
      const addresses = five.observed.servers.map(({ address }) => address);
      expect(addresses).toHaveLength(5);
      const token = await makeRootToken(five.id);
      const { body: own } = await customer.api.call('createClientBundle', { params: { id: five.id }, body: {} });
      for (const address of addresses) {
        expect(await votersAt({ address, datacenter: five.datacenter, ca: own.caPem, token })).toHaveLength(5);
      }
      const besides = await votersAt(server(0, rootToken));
      expect(besides).toHaveLength(3);
      expect(besides.filter((voter) => addresses.includes(voter))).toEqual([]);
    } finally {
      await customer.deleteCluster(five.id);
    }
    const listening = listeningAddresses(CONSUL_HTTPS_PORT);
    expect(five.observed.servers.filter(({ address }) => listening.includes(address))).toEqual([]);
    expect(listening).toEqual(expect.arrayContaining(hello.observed.servers.map(({ address }) => address)));
  });

  // A service that `./hcs up` has started sends its spans elsewhere.
  const traces = process.env['HCS_TEST_TRACES'];
  it.skipIf(traces === undefined)(
    'was made in one trace, from the request through queue, steps, gateway and agents to Azure',
    async () => {
      const spans = await until(
        () => {
          const found = spansOfTrace(traces ?? '');
          return Promise.resolve(found.some(({ name }) => name === 'step recordReadyCluster') && found);
        },
        { within: minutes(1), because: 'the last step of the create is told to the collector' },
      );
      const named = (service: string) => new Set(spans.filter((span) => span.service === service).map(({ name }) => name));
      expect(named('api')).toContain('POST /v1/clusters');
      expect([...named('worker')]).toEqual(
        expect.arrayContaining([
          'queue',
          'step startDeployment',
          'step everyServerRuns',
          'azure PUT',
          'agent PUT /v1/desired-state',
        ]),
      );
      expect([...named('gateway')]).toEqual(expect.arrayContaining(['gateway PUT', 'server-agent']));
      const ids = new Set(spans.map(({ spanId }) => spanId));
      const roots = spans.filter(({ parentSpanId }) => !ids.has(parentSpanId));
      expect(roots.map(({ name, service, parentSpanId }) => ({ name, service, parentSpanId }))).toEqual([
        { name: 'POST /v1/clusters', service: 'api', parentSpanId: 'b7ad6b7169203331' },
      ]);
      const toAzure = spans.filter(({ attributes }) => attributes['url.path']?.startsWith('/subscriptions/'));
      expect(toAzure.length).toBeGreaterThan(0);
      expect(toAzure.filter(({ attributes }) => attributes['azure.correlation_request_id'] !== CORRELATION_ID)).toEqual([]);
    },
  );
});

describe('a root token', () => {
  it('makes the one before it worthless', async () => {
    const before = await makeRootToken();
    const after = await makeRootToken();
    const ask = async (token: string) => (await askConsul(server(1, token), 'GET', '/v1/acl/token/self')).status;
    expect(await ask(before)).toBe(403);
    await until(async () => (await ask(after)) === 200, { within: 10_000 });
    rootToken = after;
  });
});

describe('a Consul client agent with nothing but the client bundle and a token', () => {
  let agent: Awaited<ReturnType<typeof startConsulClientAgent>>;

  beforeAll(async () => {
    agent = await startConsulClientAgent({
      consulBinary: (await consulBinary()).path,
      address: CLIENT_ADDRESS,
      bundle,
      token: rootToken,
    });
  });
  afterAll(async () => {
    await agent.stop();
  });

  it('joins, registers a service, and resolves it by DNS', async () => {
    const name = `web-${randomUUID().slice(0, 8)}`;
    await until(async () => (await agent.ask('GET', '/v1/agent/self').catch(() => ({ status: 0 }))).status === 200, {
      within: 20_000,
    });
    const service = { Name: name, Port: 8080, Address: CLIENT_ADDRESS };
    expect((await agent.ask('PUT', '/v1/agent/service/register', service)).status).toBe(200);
    const resolve = () => agent.resolver.resolveSrv(`${name}.service.consul`).catch(() => []);
    await until(async () => (await resolve()).length === 1, { within: 20_000 });
    expect((await resolve())[0]).toMatchObject({ port: 8080 });
    expect(await agent.resolver.resolve4(`${name}.service.consul`)).toEqual([CLIENT_ADDRESS]);
    const seen = await askConsul(server(2, rootToken), 'GET', `/v1/catalog/service/${name}`);
    expect(JSON.parse(seen.body)).toHaveLength(1);
  });
});
