import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes, randomInt, randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretValue } from '@managed-consul/config';
import { TransientError } from '@managed-consul/errors';
import { consulBinary, until } from '@managed-consul/testing';
import { Agent, fetch as fetchOver } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANONYMOUS_TOKEN_ACCESSOR } from './access-control';
import { ConsulClient } from './consul-client';
import type { ConsulFetch } from './connection';
import { everyMemberKnows, everyMemberUses, otherKeys } from './keyring';
import { serverConfiguration } from './server-configuration';

const address = `127.${randomInt(200, 250)}.${randomInt(1, 250)}.${randomInt(2, 250)}`;
const managementToken = new SecretValue(randomUUID());
const folder = mkdtempSync(join(tmpdir(), 'consul-client-'));
let server: ChildProcess;
let overHttps: ConsulFetch;

const client = (token?: SecretValue): ConsulClient => new ConsulClient({ fetch: overHttps, token });
const management = (): ConsulClient => client(managementToken);

beforeAll(async () => {
  const { path, version } = await consulBinary();
  mkdirSync(join(folder, 'tls'));
  const make = (...args: string[]) => execFileSync(path, ['tls', ...args], { cwd: join(folder, 'tls') });
  make('ca', 'create');
  make('cert', 'create', '-server', '-dc', 'dc1', '-additional-ipaddress', address);
  renameSync(join(folder, 'tls/consul-agent-ca.pem'), join(folder, 'tls/ca.pem'));
  renameSync(join(folder, 'tls/dc1-server-consul-0.pem'), join(folder, 'tls/server.pem'));
  renameSync(join(folder, 'tls/dc1-server-consul-0-key.pem'), join(folder, 'tls/server-key.pem'));
  const configuration = serverConfiguration({
    consulVersion: version,
    nodeName: 'hello-server-0',
    datacenter: 'dc1',
    address,
    serverAddresses: [address],
    servers: 1,
    bootstrap: true,
    gossipKey: new SecretValue(randomBytes(32).toString('base64')),
    managementToken,
    agentToken: new SecretValue(randomUUID()),
  });
  writeFileSync(join(folder, 'server.json'), JSON.stringify(configuration));
  server = spawn(path, ['agent', '-config-file', 'server.json'], { cwd: folder, stdio: 'ignore' });
  const dispatcher = new Agent({ connect: { ca: readFileSync(join(folder, 'tls/ca.pem')), servername: 'server.dc1.consul' } });
  overHttps = async (path, { method = 'GET', headers = {}, body } = {}) => {
    const request = { method, headers, dispatcher, ...(typeof body === 'string' ? { body } : {}) };
    const answer = await fetchOver(`https://${address}:8501${path}`, request).catch((cause: unknown) => {
      throw new TransientError('not reachable', { cause });
    });
    return answer as unknown as Response;
  };
  await until(async () => (await management().operator.autopilotHealth()).Healthy, { within: 30_000 });
  await until(
    () =>
      management()
        .writeKey('ready', 'yes')
        .then(() => true),
    { within: 30_000 },
  );
});

afterAll(async () => {
  server.kill('SIGKILL');
  await once(server, 'exit');
  rmSync(folder, { recursive: true });
});

describe('a server that runs the rendered configuration', () => {
  it('has elected itself, votes, is healthy, and tells its version', async () => {
    expect(await client().leader()).toBe(`${address}:8300`);
    expect(await management().operator.raftServers()).toMatchObject([{ Voter: true, Leader: true, Node: 'hello-server-0' }]);
    expect(await management().operator.autopilotConfiguration()).toMatchObject({ CleanupDeadServers: true, MinQuorum: 1 });
    expect((await management().self()).version).toBe((await consulBinary()).version);
  });

  it('denies reading a key without a token, and to a token that nobody made', async () => {
    expect(await client().refusesToReadKey('ready')).toBe(true);
    expect(await client(new SecretValue(randomUUID())).refusesToReadKey('ready')).toBe(true);
    expect(await management().readKey('ready')).toBe('yes');
    expect(await management().readKey('missing')).toBeUndefined();
  });

  it('counts an unknown token as something that may pass: followers learn tokens late', async () => {
    await expect(client(new SecretValue(randomUUID())).writeKey('a', 'b')).rejects.toBeInstanceOf(TransientError);
  });
});

describe('access control', () => {
  it('makes a policy and a token once, however often it is asked to', async () => {
    const { accessControl } = management();
    const token = {
      accessorId: randomUUID(),
      secretId: new SecretValue(randomUUID()),
      description: 'reader',
      policies: ['keys'],
    };
    for (const rules of ['key_prefix "" { policy = "list" }', 'key_prefix "" { policy = "read" }']) {
      await accessControl.ensurePolicy({ name: 'keys', description: 'Keys', rules });
      await accessControl.ensureToken(token);
    }
    expect((await accessControl.listTokens()).filter(({ Description }) => Description === 'reader')).toHaveLength(1);
    expect(await client(token.secretId).readKey('ready')).toBe('yes');

    await accessControl.removeToken(token.accessorId);
    await accessControl.removeToken(token.accessorId);
    expect(await accessControl.findToken(token.accessorId)).toBeUndefined();
    expect(await client(token.secretId).refusesToReadKey('ready')).toBe(true);
  });

  it('gives an agent of a node the rights of that node and no others', async () => {
    const secretId = new SecretValue(randomUUID());
    const nodeIdentity = { nodeName: 'hello-server-0', datacenter: 'dc1' };
    await management().accessControl.ensureToken({ accessorId: randomUUID(), secretId, description: 'agent', nodeIdentity });
    expect((await client(secretId).nodes()).map(({ name }) => name)).toEqual(['hello-server-0']);
    expect(await client(secretId).refusesToReadKey('ready')).toBe(true);
  });

  it('opens the catalogue to everyone without opening keys', async () => {
    const rules = 'node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }';
    expect(await client().services()).toEqual({});
    await management().accessControl.ensurePolicy({ name: 'names', description: 'Names', rules });
    await management().accessControl.setAnonymousPolicies(['names']);
    expect(await client().services()).toHaveProperty('consul');
    expect(await client().refusesToReadKey('ready')).toBe(true);
  });

  it('does not mistake a management token that is not known yet for a token that is gone', async () => {
    const stranger = client(new SecretValue(randomUUID()));
    await expect(stranger.accessControl.findToken(randomUUID())).rejects.toBeInstanceOf(TransientError);
  });
});

describe('service instances', () => {
  it('are those of services, healthy or not, without Consul, proxies and gateways', async () => {
    const { catalog } = management();
    expect(await catalog.countServiceInstances()).toBe(0);
    const register = async (node: string, Service: object, more: object = {}) => {
      const body = JSON.stringify({ Node: node, Address: '10.9.9.9', SkipNodeUpdate: false, Service, ...more });
      const headers = { 'x-consul-token': managementToken.reveal() };
      expect((await overHttps('/v1/catalog/register', { method: 'PUT', headers, body })).status).toBe(200);
    };
    const failing = { Check: { CheckID: 'web', Name: 'web', Status: 'critical', ServiceID: 'web-2' } };
    await register('counted-1', { ID: 'web-1', Service: 'web', Port: 80 });
    await register('counted-1', { ID: 'web-2', Service: 'web', Port: 81 }, failing);
    await register('counted-2', { ID: 'db', Service: 'db', Port: 82 });
    const Proxy = { DestinationServiceName: 'web' };
    await register('counted-2', { ID: 'web-proxy', Service: 'web-proxy', Kind: 'connect-proxy', Port: 83, Proxy });
    await register('counted-2', { ID: 'gateway', Service: 'gateway', Kind: 'mesh-gateway', Port: 84 });
    expect(await catalog.countServiceInstances()).toBe(3);
    for (const node of ['counted-1', 'counted-2']) await catalog.deregister(node);
    expect(await catalog.countServiceInstances()).toBe(0);
  });
});

describe('autopilot', () => {
  it('changes the named settings and leaves the others', async () => {
    const before = await management().operator.autopilotConfiguration();
    await management().operator.changeAutopilot({ MinQuorum: 3 });
    expect(await management().operator.autopilotConfiguration()).toMatchObject({
      MinQuorum: 3,
      LastContactThreshold: before.LastContactThreshold,
    });
  });
});

describe('the gossip keys', () => {
  it('are installed, used and removed, each as often as one asks', async () => {
    const { keyring } = management();
    const next = new SecretValue(randomBytes(32).toString('base64'));
    const [before] = otherKeys(await keyring.rings(), next);
    for (let turn = 0; turn < 2; turn += 1) await keyring.install(next);
    expect(everyMemberKnows(await keyring.rings(), next)).toBe(true);
    expect(everyMemberUses(await keyring.rings(), next)).toBe(false);
    for (let turn = 0; turn < 2; turn += 1) await keyring.use(next);
    expect(everyMemberUses(await keyring.rings(), next)).toBe(true);
    for (let turn = 0; turn < 2; turn += 1) await keyring.remove(new SecretValue(before ?? ''));
    expect(otherKeys(await keyring.rings(), next)).toEqual([]);
  });

  it('cannot be removed while a member encrypts with them', async () => {
    const { keyring } = management();
    const [inUse] = [...((await keyring.rings())[0]?.PrimaryKeys.keys() ?? [])];
    await expect(keyring.remove(new SecretValue(inUse ?? ''))).rejects.toBeInstanceOf(TransientError);
    expect(otherKeys(await keyring.rings(), new SecretValue('none'))).toEqual([inUse]);
  });
});

describe('the authority of the mesh', () => {
  it('is replaced once by the same new key, cross-signed by the one before, and signs from then on', async () => {
    const { connectAuthority } = management();
    const before = await connectAuthority.roots();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = new SecretValue(privateKey.export({ type: 'sec1', format: 'pem' }).toString());
    for (let turn = 0; turn < 2; turn += 1) await connectAuthority.rotateTo(pem);
    const { ActiveRootID, Roots } = await connectAuthority.roots();
    expect(Roots.map(({ ID }) => ID).sort()).toEqual([before.ActiveRootID, ActiveRootID].sort());
    const active = Roots.find(({ ID }) => ID === ActiveRootID);
    const [crossSigned] = active?.IntermediateCerts ?? [];
    const previous = Roots.find(({ ID }) => ID === before.ActiveRootID);
    expect(new X509Certificate(crossSigned ?? '').verify(new X509Certificate(previous?.RootCert ?? '').publicKey)).toBe(true);
    const { CertPEM } = await connectAuthority.leaf('web');
    expect(new X509Certificate(CertPEM).verify(new X509Certificate(active?.RootCert ?? '').publicKey)).toBe(true);
  });
});

describe('members', () => {
  it('tells who takes part, and which of them serve', async () => {
    expect(await management().members()).toEqual([{ name: 'hello-server-0', address, state: 'alive', isServer: true }]);
  });
});

describe('the catalog', () => {
  const register = (node: Record<string, unknown>) =>
    overHttps('/v1/catalog/register', {
      method: 'PUT',
      headers: { 'x-consul-token': managementToken.reveal() },
      body: JSON.stringify({ Address: '192.0.2.7', ...node }),
    });

  it('tells nodes that run an agent from those that were registered from outside, and forgets one with its services', async () => {
    const check = { CheckID: 'serfHealth', Name: 'Serf Health Status', Status: 'passing' };
    await register({ Node: 'other-server-0', ID: randomUUID(), Check: check, Service: { Service: 'web' } });
    await register({ Node: 'outside', Service: { Service: 'mail' } });
    const { catalog } = management();
    // The server's own node is there once its leader has reconciled.
    await until(async () => (await catalog.agentNodes()).length === 2, { within: 30_000 });
    expect((await catalog.agentNodes()).map(({ name }) => name).sort()).toEqual(['hello-server-0', 'other-server-0']);

    await catalog.deregister('other-server-0');
    await catalog.deregister('other-server-0');
    expect((await catalog.agentNodes()).map(({ name }) => name)).toEqual(['hello-server-0']);
    expect(Object.keys(await management().services())).not.toContain('web');
    expect(Object.keys(await management().services())).toContain('mail');
  });

  it('names the members of the gossip ring with the ids that the catalog has', async () => {
    const { catalog } = management();
    const [member] = await catalog.members();
    const [node] = await catalog.agentNodes();
    expect(member).toMatchObject({ name: 'hello-server-0', address, hasLeft: false });
    expect(member?.id).toBe(node?.id);
  });
});

describe('tokens of requests without a token', () => {
  it('get a policy beside those that they have', async () => {
    const { accessControl } = management();
    await accessControl.ensurePolicy({ name: 'more', description: 'More', rules: 'key_prefix "open/" { policy = "read" }' });
    await accessControl.addAnonymousPolicy('more');
    await accessControl.addAnonymousPolicy('more');
    const anonymous = await accessControl.findToken(ANONYMOUS_TOKEN_ACCESSOR);
    expect(anonymous?.Policies.map(({ Name }) => Name).sort()).toEqual(['more', 'names']);
  });
});
