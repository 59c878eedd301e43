import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import supertest from 'supertest';
import { createApiClient, type ApiClient } from '@managed-consul/api-contract';
import { createTokenVerifier } from '@managed-consul/access';
import { seconds, SecretValue, systemClock } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';
import { RequestLimiter, type Allowance } from '@managed-consul/http-api';
import { createLogger } from '@managed-consul/observability';
import { OperationChanges, Operations, OPERATIONS_QUEUE, QueueBell } from '@managed-consul/operations';
import { LocalKeyFile, SecretStore } from '@managed-consul/secrets';
import { AppTokenIssuer, createTestDatabase, seedCatalogue, testRedisUrl, until } from '@managed-consul/testing';
import type { ApiServices } from '../api-services';
import { createApi } from '../create-api';
import { testRecordsIn, type Person, type TestRecords } from './test-records';

export type { Person };

/** The whole API on a real PostgreSQL and Redis of its own, with an issuer of its own. */
export interface ApiUnderTest extends TestRecords {
  url: string;
  issuer: AppTokenIssuer;
  database: Database;
  secrets: SecretStore;
  services: ApiServices;
  /** Every line that the API has logged. */
  logged: string[];
  routes: () => string[];
  bells: () => Promise<string[]>;
  /** A new principal; of a new tenant unless said. */
  newPerson(tenantId?: string): Promise<Person>;
  /** A client that speaks as the person. */
  clientOf(person: Person): ApiClient;
  /** A raw request as the person. */
  request(person: Person | undefined, method: string, path: string, options?: RawOptions): Promise<RawAnswer>;
  stop(): Promise<void>;
}

export interface RawOptions {
  body?: unknown;
  /** Sent as it is. */
  text?: string;
  headers?: Record<string, string>;
}

export interface RawAnswer {
  status: number;
  headers: Headers;
  text: string;
  body: {
    error?: { code: string; message: string; target?: string; details?: { code: string; target?: string; message: string }[] };
  } & Record<string, unknown>;
}

export const NOTIFICATION_SECRET = 'a-secret-in-an-address';

async function makeKeyFile(): Promise<{ wrapper: LocalKeyFile; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'api-test-'));
  const path = join(folder, 'key');
  await writeFile(path, randomBytes(32).toString('base64'), { mode: 0o600 });
  return { wrapper: await LocalKeyFile.load(path), remove: () => rm(folder, { recursive: true }) };
}

type Verb = 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete' | 'options';

async function send(
  url: string,
  person: Person | undefined,
  method: string,
  path: string,
  options: RawOptions,
): Promise<RawAnswer> {
  const { body, text, headers } = options;
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const verb = method.toLowerCase() as Verb;
  const request = supertest(url)
    [verb](path)
    .set({
      ...(person ? { authorization: `Bearer ${person.token}` } : {}),
      ...(content === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    })
    .buffer(true)
    .parse((response, done) => {
      response.setEncoding('utf8');
      let answer = '';
      response.on('data', (part: string) => (answer += part));
      response.on('end', () => done(null, answer));
    })
    .ok(() => true);
  const response = await (content === undefined ? request : request.send(content));
  const answer = response.body as string;
  const json = response.headers['content-type']?.includes('application/json') && answer !== '';
  return {
    status: response.status,
    headers: new Headers(response.headers),
    text: answer,
    body: (json ? JSON.parse(answer) : {}) as RawAnswer['body'],
  };
}

/** Starts one, which holds nobody back unless given what a caller may send; `stop` ends everything that it started. */
export async function startApi({ allowance }: { allowance?: Allowance } = {}): Promise<ApiUnderTest> {
  const [place, redisUrl, issuer, keyFile] = await Promise.all([
    createTestDatabase(),
    testRedisUrl(),
    AppTokenIssuer.start(),
    makeKeyFile(),
  ]);
  const logged: string[] = [];
  const log = createLogger({ app: 'api', level: 'debug' }, { write: (line: string) => void logged.push(line) });
  const database = openDatabase({ url: place.url, maxConnections: 10 });
  await seedCatalogue(database);
  const bell = new QueueBell(redisUrl, log);
  // As a load balancer does with readiness: a bell rung while the first connection is still being made can be lost.
  await until(() => bell.isReachable(), { within: seconds(30) });
  const limiter = allowance && new RequestLimiter('api-under-test', redisUrl, allowance, log);
  if (limiter) await until(async () => limiter.countsInRedis(), { within: seconds(30) });
  const secrets = new SecretStore(database.prisma, keyFile.wrapper);
  const operations = new Operations(database, bell);
  const services: ApiServices = {
    ...(limiter ? { limiter } : {}),
    database,
    secrets,
    verifier: createTokenVerifier({ authority: issuer.authority, audience: 'api://managed-consul' }),
    bell,
    operations,
    changes: new OperationChanges({ databaseUrl: place.url, operations, log }),
    stopping: new AbortController(),
    clock: systemClock,
    log,
    publicUrl: 'https://api.example.com',
    notificationSecret: new SecretValue(NOTIFICATION_SECRET),
    aheadOfNews: seconds(0.1),
  };
  const { application, routes } = await createApi(services);
  await application.listen(0, '127.0.0.1');
  const url = (await application.getUrl()).replace('[::1]', '127.0.0.1');
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue(OPERATIONS_QUEUE, { connection: redis });
  const newPerson = async (tenantId = issuer.addTenant()): Promise<Person> => {
    const objectId = randomUUID();
    return { tenantId, objectId, token: await issuer.sign({ tenantId, objectId }) };
  };
  const clientOf = (person: Person) => createApiClient({ baseUrl: url, token: () => person.token });
  return {
    url,
    issuer,
    database,
    secrets,
    services,
    logged,
    routes,
    bells: async () => (await queue.getJobs()).map((job) => String((job.data as { operationId: unknown }).operationId)),
    newPerson,
    ...testRecordsIn(database, clientOf),
    clientOf,
    request: (person, method, path, options = {}) => send(url, person, method, path, options),
    async stop() {
      services.stopping.abort();
      await application.close();
      await services.changes.close();
      await queue.close();
      redis.disconnect();
      limiter?.close();
      await bell.close();
      await database.close();
      await Promise.all([place.drop(), issuer.stop(), keyFile.remove()]);
    },
  };
}
