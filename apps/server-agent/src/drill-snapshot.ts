import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { AgentTaskOf, DrillSnapshotResult } from '@managed-consul/agent-protocol';
import { minutes, type Milliseconds } from '@managed-consul/config';
import { z } from 'zod';
import { ApplyError } from './apply-error';
import type { ConsulBinaries, ConsulBinary } from './consul-binary';
import { isRefusal, notReady } from './consul-leadership';
import { askConsul, askConsulForJson } from './consul-request';
import { fetchSnapshot } from './fetch-snapshot';
import { putSnapshot } from './restore-snapshot';
import { TaskFailedError } from './task-error';
import type { TaskContext } from './task-runner';
import { withThrowAwayConsul, type ThrowAwayConsul } from './throw-away-consul';
import type { WorkFolder } from './work-folder';

export interface DrillSurroundings {
  binaries: ConsulBinaries;
  work: WorkFolder;
  datacenter: string;
}

/** Consul's built-in policy with all rights has this id in every cluster. */
const GLOBAL_MANAGEMENT = '00000000-0000-0000-0000-000000000001';

/** Longer than Consul goes by a remembered answer about a token (30 s). */
const SETTLES_WITHIN = minutes(2);
const LOOK_INTERVAL = 100;

/** Proves a stored snapshot: restores it into a server that nobody uses, and reads what is there. */
export async function drillSnapshot(
  task: AgentTaskOf<'drill-snapshot'>,
  { binaries, work, datacenter }: DrillSurroundings,
  context: TaskContext,
): Promise<DrillSnapshotResult> {
  const startedAt = Date.now();
  const { signal } = context;
  return work.with(async (folder) => {
    const path = join(folder, 'snapshot.tgz');
    const { raftIndex, sizeBytes } = await fetchSnapshot(task, path, context);
    const binary = await ensureBinary(binaries, task, signal);
    return withThrowAwayConsul({ folder, binary, datacenter }, async (consul) => {
      const inventory = await restoreAndRead({ path, sizeBytes }, consul, signal);
      return { raftIndex, ...inventory, tookMilliseconds: Date.now() - startedAt };
    });
  });
}

/**
 * What is in an archive, as a server reads it that was restored from it. Throws `TaskFailedError`: `ConsulRefused` when the server
 * does not take the archive, or takes it and refuses to be read; `ConsulNotReady` when it cannot answer, which is no verdict.
 */
export async function restoreAndRead(
  { path, sizeBytes }: { path: string; sizeBytes: number },
  consul: ThrowAwayConsul,
  signal: AbortSignal,
  settlesWithin: Milliseconds = SETTLES_WITHIN,
): Promise<Inventory> {
  const whenSettled = <Answer>(question: () => Promise<Answer>) => askWhenSettled(consul, question, { signal, settlesWithin });
  await whenSettled(() => putSnapshot(path, sizeBytes, { ...consul, signal }));
  try {
    return await whenSettled(() => readInventory(consul, signal));
  } catch (error) {
    // It has taken the whole archive: what may pass now is its own trouble, for example a machine that is too busy.
    throw isRefusal(error) && error.mayPass ? notReady(error) : error;
  }
}

async function ensureBinary(
  binaries: ConsulBinaries,
  { consul }: AgentTaskOf<'drill-snapshot'>,
  signal: AbortSignal,
): Promise<ConsulBinary> {
  try {
    return await binaries.ensure(binaries.hashFor({ consul }), consul.version, signal);
  } catch (error) {
    if (error instanceof ApplyError)
      throw new TaskFailedError(error.code, error.message, { mayPass: error.code === 'DownloadFailed', cause: error });
    throw error;
  }
}

type Inventory = Omit<DrillSnapshotResult, 'raftIndex' | 'tookMilliseconds'>;

/**
 * A server that begins to lead answers before it can do everything: a restore is refused while its leadership "has not been
 * established", and a restore takes the token away, which it makes again while it may still go by answers that it remembers. So a
 * refusal after a first good answer is no verdict on the snapshot.
 */
async function askWhenSettled<Answer>(
  consul: ThrowAwayConsul,
  question: () => Promise<Answer>,
  { signal, settlesWithin }: { signal: AbortSignal; settlesWithin: Milliseconds },
): Promise<Answer> {
  const giveUpAt = Date.now() + settlesWithin;
  for (;;) {
    await consul.becomesReady(signal);
    try {
      return await question();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TaskFailedError) || Date.now() > giveUpAt) throw error;
      await wait(LOOK_INTERVAL, undefined, { signal });
    }
  }
}

/**
 * Services first: the nodes that they are on are no members of this server's gossip, and Consul takes such nodes out of its
 * catalog about a minute after it began to lead.
 */
async function readInventory(consul: ThrowAwayConsul, signal: AbortSignal): Promise<Inventory> {
  const ask = (path: string) => askConsulForJson({ ...consul, path, signal });
  const services = await readServices(ask);
  const intentions = z.array(z.unknown()).parse((await ask('/v1/connect/intentions')) ?? []).length;
  const aclTokens = await readTokens(ask);
  return {
    services,
    intentions,
    aclTokens,
    aclBootstrapped: aclTokens.some(({ isManagement }) => isManagement),
    autopilot: z.record(z.string(), z.json()).parse(await ask('/v1/operator/autopilot/configuration')),
    keys: await countKeys(consul, signal),
  };
}

type Ask = (path: string) => Promise<unknown>;

async function readServices(ask: Ask): Promise<Inventory['services']> {
  const names = Object.keys(z.record(z.string(), z.unknown()).parse(await ask('/v1/catalog/services')));
  const services: Inventory['services'] = [];
  for (const name of names) {
    const instances = z.array(z.unknown()).parse(await ask(`/v1/catalog/service/${encodeURIComponent(name)}`)).length;
    services.push({ name, instances });
  }
  return services;
}

const named = z.object({ ID: z.string(), Name: z.string() });
const tokenSchema = z.object({ AccessorID: z.string(), Description: z.string().default(''), Policies: z.array(named).nullish() });

/** Without the throw-away server's own token and without any secret. */
async function readTokens(ask: Ask): Promise<Inventory['aclTokens']> {
  const own = tokenSchema.parse(await ask('/v1/acl/token/self')).AccessorID;
  const tokens = z.array(tokenSchema).parse(await ask('/v1/acl/tokens'));
  return tokens
    .filter(({ AccessorID }) => AccessorID !== own)
    .map(({ AccessorID, Description, Policies }) => ({
      accessorId: AccessorID,
      description: Description,
      policies: (Policies ?? []).map(({ Name }) => Name),
      isManagement: (Policies ?? []).some(({ ID }) => ID === GLOBAL_MANAGEMENT),
    }));
}

async function countKeys(consul: ThrowAwayConsul, signal: AbortSignal): Promise<number> {
  try {
    return await countStrings(await askConsul({ ...consul, path: '/v1/kv/?keys', signal }));
  } catch (error) {
    // Consul's word for "there is no key at all".
    if (error instanceof TaskFailedError && /^Consul answered 404/.test(error.message)) return 0;
    throw error;
  }
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];

/** How many strings a JSON array of strings has, read as it streams: a list of all keys can be large. */
export async function countStrings(json: Readable): Promise<number> {
  let quotes = 0;
  let isEscaped = false;
  for await (const part of json as AsyncIterable<Buffer>) {
    for (const byte of part) {
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) quotes += 1;
    }
  }
  return quotes / 2;
}
