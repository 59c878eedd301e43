import 'reflect-metadata';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { ClientSecretCredential } from '@azure/identity';
import { Controller, Get, Module } from '@nestjs/common';
import * as x509 from '@peculiar/x509';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { createAgentClient, PresenceDirectory, type AgentClient } from '@managed-consul/agent-protocol';
import { openAzure } from '@managed-consul/azure';
import { setSchedule } from '@managed-consul/clusters';
import { hours, minutes, seconds, SecretValue, systemClock, type Clock } from '@managed-consul/config';
import { TerminalError, toErrorResponse, TransientError } from '@managed-consul/errors';
import { createHttpApplication, type HttpApplication } from '@managed-consul/http-api';
import { createLogger, InternalListener, Metrics } from '@managed-consul/observability';
import { requestOperation } from '@managed-consul/operations';
import { addFleetMetrics, addServiceMetrics, addUsageMetrics, createSchedules, Sweeper } from '@managed-consul/schedules';
import { FakeClock, NotedBell, parseExposition, RowBench, testRedisUrl, until, type Exposition } from '@managed-consul/testing';
import { checkClosedHours, closeDueHours } from '@managed-consul/usage';
import { collectOwedUsage, reconcileUsage, sendBatch, type MeteringService } from '@managed-consul/usage-emission';
import {
  action,
  condition,
  defineWorkflow,
  defineWorkflows,
  done,
  waitFor,
  WorkflowMetrics,
  WorkflowRunner,
  type StepContext,
} from '@managed-consul/workflow-engine';
import { countAzureAnswers } from './lifecycle';

const RULES = resolve(import.meta.dirname, '../../../infra/observability/alerts.yaml');

interface Rule {
  alert?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}
const rules = (parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const alerts = rules.flatMap(({ alert, labels = {}, annotations = {} }) =>
  alert === undefined ? [] : [{ alert, labels, annotations }],
);
const figuresOfRules = new Set(rules.flatMap(({ expr }) => expr.match(/\bmanaged_consul_\w+/g) ?? []));
const hasPromtool = !(spawnSync('promtool', ['--version']).error instanceof Error);

const log = createLogger({ app: 'tests', level: 'silent' });
const ago = (time: number): Date => new Date(Date.now() - time);
const metrics = new Metrics();

let bench: RowBench;
let redis: Redis;
let listener: InternalListener;
let port: number;
beforeAll(async () => {
  bench = await RowBench.open();
  redis = new Redis(await testRedisUrl());
  addFleetMetrics(metrics, bench.database);
  addServiceMetrics(metrics, bench.database);
  addUsageMetrics(metrics, bench.database, billingClock);
  listener = new InternalListener({}, metrics);
  port = await listener.listen('127.0.0.1', 0);
  await Promise.all([startRequests(), startAzure(), startBilling()]);
});
afterAll(async () => {
  await listener.close();
  await http.application.close();
  await new Promise((closed) => azureServer.close(closed));
  setDefaultCACertificates([...trusted]);
  redis.disconnect();
  await bench.close();
});

/** What Prometheus would have read: undefined when nobody answers. */
async function scrape(): Promise<Exposition | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
  return answer && parseExposition(await answer.text());
}

/** Makes a table unreadable for as long as `work` takes, as a migration that went wrong would. */
async function without(table: string, work: () => Promise<unknown>): Promise<void> {
  await bench.database.pool.query(`ALTER TABLE ${table} RENAME TO ${table}_away`);
  await work();
  await bench.database.pool.query(`ALTER TABLE ${table}_away RENAME TO ${table}`);
}

// Requests, answered by the HTTP interface that all of them are answered by.

@Controller('v1/regions')
class RegionsController {
  @Get()
  list() {
    return bench.database.prisma.region.findMany();
  }
}

@Module({ controllers: [RegionsController] })
class RequestsModule {}

let http: HttpApplication;
let asked = 0;

async function startRequests(): Promise<void> {
  http = await createHttpApplication({
    ...{ log, metrics, module: { module: RequestsModule } },
    guard: { canActivate: () => true },
    refusals: { hint: '', toAnswer: ({ correlationId }, error) => toErrorResponse(error, correlationId) },
  });
}

async function ask(): Promise<void> {
  await http.application.inject({ method: 'GET', url: '/v1/regions' });
  asked += 1;
  const counted = async () =>
    (await scrape())?.samples
      .filter(({ name }) => name === 'managed_consul_http_request_duration_seconds_count')
      .reduce((sum, { value }) => sum + value, 0) === asked;
  await until(counted, { within: seconds(20) });
}

// Operations, carried on by the engine itself.

interface World {
  readonly meanwhile: (operationId: string) => Promise<void>;
}
async function act({ meanwhile, operation }: StepContext<World>) {
  await meanwhile(operation.id);
  return done();
}
async function never() {
  return waitFor('Nothing comes', hours(9));
}
const pageOperatorAfter = hours(1);
const workflows = defineWorkflows([
  defineWorkflow<World>({ operation: 'act', pageOperatorAfter, steps: [action(act)] }),
  defineWorkflow<World>({
    ...{ operation: 'wait', pageOperatorAfter },
    steps: [condition(never, { within: hours(99), orFail: 'It never came.' })],
  }),
]);
const workflowMetrics = new WorkflowMetrics(metrics);
const bell = new NotedBell();

const newOperation = (kind: string, clock: Clock = systemClock) =>
  bench.database.prisma.$transaction((tx) =>
    requestOperation(tx, { kind, subject: `thing/${randomUUID()}`, lane: 'Change', input: {}, requestedBy: 'tests' }, clock),
  );

async function carryOut(kind: string, meanwhile: World['meanwhile'] = async () => undefined, clock: Clock = systemClock) {
  const { id } = await newOperation(kind, clock);
  const host = {
    ...{ workflows, buildServices: async () => ({ meanwhile }), recordOutcome: async () => undefined },
    ...{ page: async () => undefined, describe: () => undefined },
  };
  const { database } = bench;
  return new WorkflowRunner({ database, host, bell, clock, log, name: 'runner', metrics: workflowMetrics }).run(id);
}

const loseLease = (id: string) =>
  bench.database.pool.query(`UPDATE operations SET lease_owner = 'another worker' WHERE id = $1`, [id]).then(() => undefined);

// Clusters, looked at by the observer itself.

/** Agents as the directory of the gateways knows them: there is none. */
const allAway = (): AgentClient => createAgentClient({ presence: new PresenceDirectory(redis), token: new SecretValue('token') });

/** Agents of servers that run and have not agreed on a leader. */
const LEADERLESS = {
  find: async () => ({
    state: async () => ({ consul: { running: true, version: '1.8.7' } }),
    consulFetch: () => Promise.reject(new TransientError('No cluster leader')),
  }),
  isConnected: async () => true,
} as unknown as AgentClient;

async function observe(clusterId: string, agents: AgentClient): Promise<void> {
  const observer = createSchedules({
    ...{ agents, bell, log, database: bench.database, clock: systemClock },
    secrets: { get: async () => new SecretValue('token') },
    ...{ observeEvery: minutes(1), inspectEvery: minutes(5), repairAfter: hours(1) },
  } as unknown as Parameters<typeof createSchedules>[0]).find(({ kind }) => kind === 'observe');
  // Two looks: what is seen once may pass.
  for (let looks = 0; looks < 2; looks += 1)
    await observer?.run(clusterId, { now: ago(0), dueAt: ago(0), signal: new AbortController().signal });
}

async function newCertificate(daysLeft: number): Promise<void> {
  const owner = `cluster/${await bench.newCluster()}`;
  const data = { owner, serial: randomUUID(), purpose: 'server/vm-0', subject: 'server', pem: '' };
  await bench.database.prisma.certificate.create({
    data: { ...data, notBefore: ago(hours(24)), notAfter: ago(-hours(24 * daysLeft)) },
  });
}

// Azure, asked by its own client over TLS.

let azureServer: Server;
let azureStatus = 200;
let trusted: string[] = [];
let readGroup: () => Promise<unknown>;

async function startAzure(): Promise<void> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ keys, signingAlgorithm: algorithm, name: 'CN=Azure', notBefore: ago(hours(1)), notAfter: ago(-hours(24)) },
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  });
  const cert = certificate.toString('pem');
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  trusted = getCACertificates('default');
  setDefaultCACertificates([...trusted, cert]);
  azureServer = createServer({ key, cert }, (_request, response) => {
    response.writeHead(azureStatus, { 'content-type': 'application/json' }).end('{"name": "consul", "location": "westeurope"}');
  });
  await new Promise<void>((listening) => azureServer.listen(0, '127.0.0.1', listening));
  vi.spyOn(ClientSecretCredential.prototype, 'getToken').mockResolvedValue({
    ...{ token: 'token', expiresOnTimestamp: Date.now() + hours(1) },
  });
  const azure = openAzure({
    endpoint: `https://localhost:${(azureServer.address() as AddressInfo).port}`,
    ...{
      authority: 'https://login.example.com',
      tenantId: 'tenant',
      clientId: 'client',
      clientSecret: new SecretValue('secret'),
    },
    onAnswer: countAzureAnswers(metrics),
  });
  readGroup = () => azure.inSubscription(randomUUID()).resourceGroups.find('consul');
}

// A cluster that is billed, and the Marketplace that is told of it.

const billingClock = new FakeClock('2026-03-01T00:00:00Z');
const marketplace = (status: string): MeteringService => ({
  send: async (events) =>
    events.map(() => ({ status, usageEventId: randomUUID(), acceptedQuantity: undefined, message: undefined })),
  report: async () => [],
});
let billedCluster: string;

async function startBilling(): Promise<void> {
  const { prisma } = bench.database;
  const { id: installationId } = await prisma.installation.create({
    data: {
      ...{ kind: 'ManagedApplication', state: 'Ready', tenantId: randomUUID(), subscriptionId: randomUUID() },
      ...{ resourceGroup: 'managed', region: 'westeurope', planId: 'on-demand' },
      ...{ applicationId: '/applications/one', billingResourceUsageId: randomUUID() },
    },
  });
  billedCluster = await bench.newCluster({ installationId, provisioningState: 'Creating' });
  await prisma.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT set_config('managed_consul.usage_time', ${billingClock.now().toISOString()}, true)`;
    await tx.cluster.update({ where: { id: billedCluster }, data: { provisioningState: 'Succeeded' } });
  });
}

/** Lets that many hours pass, and five minutes. */
const passHours = (count: number) => billingClock.advance(hours(count) + minutes(5));
const closeHours = () => closeDueHours(bench.database, billingClock.now());

/** Closes what is due and tells the Marketplace, which answers with `status`. */
async function bill(status = 'Accepted'): Promise<void> {
  const { database } = bench;
  await closeHours();
  await collectOwedUsage(database, billingClock.now());
  const metering = marketplace(status);
  while ((await sendBatch({ database, metering, clock: billingClock })).events > 0);
}
const billAnHour = async () => {
  passHours(1);
  await bill();
};

async function writeWhatWasNotUsed(): Promise<void> {
  const { prisma } = bench.database;
  const [hour, cluster] = await Promise.all([
    prisma.usageHour.findFirstOrThrow({ orderBy: { hour: 'desc' } }),
    prisma.cluster.findUniqueOrThrow({ where: { id: billedCluster } }),
  ]);
  const whose = { clusterId: billedCluster, installationId: cluster.installationId, planId: cluster.planId };
  await prisma.usageRecord.create({
    data: { ...whose, hour: hour.hour, meter: 'service-instances', seconds: 3600, quantity: 3600 },
  });
}

/** Something that goes wrong, what is usual in its stead, and the alerts that it raises. */
interface Cause {
  readonly raises: readonly string[];
  usual?(): Promise<unknown>;
  wrong(): Promise<unknown>;
  /** What Prometheus adds to the alert. */
  readonly labels?: Record<string, string>;
}

/** In this order: what has gone wrong stays so, and may raise the alerts of those before it as well. */
const CAUSES: Record<string, Cause> = {
  'an operation that no worker hears of': {
    raises: ['QueueStands'],
    usual: () => newOperation('act'),
    wrong: () => newOperation('act', new FakeClock(ago(minutes(10)))),
  },
  'requests that the database does not answer': {
    raises: ['ApiErrorBudgetBurnsFast', 'ApiErrorBudgetBurns', 'ApiErrorBudgetBurnsSlowly'],
    usual: ask,
    wrong: () => without('regions', ask),
  },
  'operations that fail': {
    raises: ['OperationFailureBudgetBurnsFast', 'OperationFailureBudgetBurns', 'OperationFailureBudgetBurnsSlowly'],
    usual: () => carryOut('act'),
    wrong: () => carryOut('act', () => Promise.reject(new TerminalError('Broken', 'It cannot be done.'))),
  },
  'leases that another worker takes': {
    raises: ['LeasesAreLost'],
    usual: () => carryOut('act'),
    wrong: () => carryOut('act', loseLease),
  },
  'an Azure that throttles': {
    raises: ['AzureThrottles'],
    usual: () => readGroup(),
    async wrong() {
      azureStatus = 429;
      await readGroup().catch(() => undefined);
    },
  },
  'figures whose table cannot be read': {
    raises: ['FiguresCannotBeRead'],
    wrong: () => without('cluster_schedules', scrape),
  },
  'an operation that waits for longer than its workflow allows': {
    raises: ['OperationsOverdue'],
    async usual() {
      await carryOut('wait');
      await new Sweeper({ database: bench.database, bell, log, page: async () => undefined }).sweep();
    },
    async wrong() {
      await carryOut('wait', undefined, new FakeClock(ago(hours(2))));
      await new Sweeper({ database: bench.database, bell, log, page: async () => undefined }).sweep();
    },
  },
  'a look that nobody takes': {
    raises: ['SchedulesLate'],
    usual: () => bench.database.prisma.$transaction((tx) => setSchedule(tx, randomUUID(), 'observe', ago(-minutes(1)))),
    wrong: () => bench.database.prisma.$transaction((tx) => setSchedule(tx, randomUUID(), 'observe', ago(minutes(5)))),
  },
  'a certificate that was not renewed': {
    raises: ['CertificateEndsSoon'],
    usual: () => newCertificate(60),
    wrong: () => newCertificate(5),
  },
  'a cluster without a leader': {
    raises: ['ClustersUnavailable'],
    wrong: async () => observe(await bench.newCluster(), LEADERLESS),
  },
  'a cluster whose snapshot is overdue': {
    raises: ['SnapshotsOverdue'],
    usual: async () => observe(await bench.newCluster({ createdAt: ago(minutes(5)) }), LEADERLESS),
    wrong: async () => observe(await bench.newCluster({ createdAt: ago(hours(24 * 5)) }), LEADERLESS),
  },
  'a cluster whose agents are away': {
    raises: ['AgentsDisconnected'],
    usual: async () => observe(await bench.newCluster(), LEADERLESS),
    wrong: async () => observe(await bench.newCluster(), allAway()),
  },
  'an hour that is not closed': {
    raises: ['UsageIsNotClosed'],
    usual: billAnHour,
    wrong: async () => passHours(2),
  },
  'a Marketplace that nobody reaches': {
    raises: ['UsageIsNotSent'],
    usual: bill,
    async wrong() {
      passHours(1);
      await closeHours();
      await collectOwedUsage(bench.database, billingClock.now());
      passHours(7);
    },
  },
  'usage that the Marketplace refuses': {
    raises: ['UsageIsRefused'],
    usual: bill,
    async wrong() {
      passHours(1);
      await bill('InvalidDimension');
    },
  },
  'usage that is sent when its own hour can be told no more': {
    raises: ['UsageIsCarriedOver'],
    usual: billAnHour,
    async wrong() {
      passHours(30);
      await bill();
    },
  },
  'a report of Azure that lacks what was sent': {
    raises: ['UsageDiffersAtAzure'],
    usual: billAnHour,
    async wrong() {
      passHours(52);
      await reconcileUsage(bench.database, marketplace('Accepted'), billingClock);
    },
  },
  'a ledger that tells of what was not used': {
    raises: ['UsageIsWrong'],
    async usual() {
      await bill();
      await checkClosedHours(bench.database, billingClock.now(), 1000);
    },
    async wrong() {
      await writeWhatWasNotUsed();
      billingClock.advance(hours(25));
      await checkClosedHours(bench.database, billingClock.now(), 1000);
    },
  },
  'a process that has ended': {
    raises: ['ProcessDown'],
    wrong: () => listener.close(),
    labels: { job: 'managed-consul-worker' },
  },
};

/** Longer than any rule waits. */
const MINUTES = 45;

/** The series of one process that goes on for hours as it did between the two scrapes. */
function seriesOf(before: Exposition | undefined, after: Exposition | undefined): { series: string; values: string }[] {
  const isCounted = (name: string) => /_(total|count)$/.test(name);
  const keyOf = (name: string, labels: Record<string, string>) =>
    `${name}{${Object.entries(labels)
      .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
      .join(',')}}`;
  const earlier = new Map(before?.samples.map(({ name, labels, value }) => [keyOf(name, labels), value]));
  const figures = (after?.samples ?? []).filter(({ name }) => figuresOfRules.has(name));
  return [
    { series: 'up{job="managed-consul-worker"}', values: `${after ? 1 : 0}x${MINUTES}` },
    ...figures.map(({ name, labels, value }) => {
      const series = keyOf(name, labels);
      const rise = isCounted(name) ? value - (earlier.get(series) ?? 0) : 0;
      return { series, values: `${value}+${rise}x${MINUTES}` };
    }),
  ];
}

const expectedOf = (alertname: string, more: Record<string, string> = {}) => {
  const rule = alerts.find(({ alert }) => alert === alertname);
  return { exp_labels: { ...rule?.labels, ...more }, exp_annotations: rule?.annotations ?? {} };
};

const cases: object[] = [];

describe('each alert', () => {
  it('has something here that raises it', () => {
    const raised = Object.values(CAUSES).flatMap(({ raises }) => raises);
    expect(raised.sort()).toEqual(alerts.map(({ alert }) => alert).sort());
  });

  it.each(Object.entries(CAUSES))('has its figures moved by %s', async (name, { raises, usual, wrong, labels }) => {
    const first = await scrape();
    await usual?.();
    const before = await scrape();
    await wrong();
    const after = await scrape();
    expect(seriesOf(before, after)).not.toEqual(seriesOf(first, before));
    const fires = raises.map((alertname) => ({
      ...{ eval_time: `${MINUTES}m`, alertname },
      exp_alerts: [expectedOf(alertname, labels)],
    }));
    const rests = raises.map((alertname) => ({ eval_time: `${MINUTES}m`, alertname, exp_alerts: [] }));
    cases.push(
      { interval: '1m', name: `before ${name}`, input_series: seriesOf(first, before), alert_rule_test: rests },
      { interval: '1m', name: `after ${name}`, input_series: seriesOf(before, after), alert_rule_test: fires },
    );
  });

  const evaluated = 'fires when that goes on, and does not before, evaluated by Prometheus itself (needs promtool on the PATH)';
  it.skipIf(!hasPromtool)(evaluated, { timeout: 180_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'alerts-'));
    try {
      const file = join(folder, 'caused.test.yaml');
      writeFileSync(file, JSON.stringify({ rule_files: [RULES], evaluation_interval: '1m', tests: cases }));
      expect(execFileSync('promtool', ['test', 'rules', file], { encoding: 'utf8' })).toContain('SUCCESS');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
