import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

const identitySchema = z.object({ pid: z.int(), startedAt: z.string() });

const componentSchema = z.object({
  name: z.string(),
  /** Null while it is being started again. */
  process: identitySchema.nullable(),
  /** How it is asked to end. */
  stopSignal: z.enum(['SIGTERM', 'SIGINT']),
  port: z.int().nullable(),
  /** What else it listens on, by name. */
  otherPorts: z.record(z.string(), z.int()).default({}),
  log: z.string(),
  restarts: z.int(),
});

const stateSchema = z.object({
  state: z.enum(['starting', 'running', 'stopping', 'stopped']),
  supervisor: identitySchema,
  components: z.array(componentSchema),
  installationId: z.string().nullable(),
  cluster: z.object({ id: z.string(), name: z.string() }).nullable(),
  /** What the machines in this folder were told and keep: where the service is, and where they are. */
  place: z.object({ portBase: z.int(), machineAddresses: z.string() }),
});

export type ComponentState = z.infer<typeof componentSchema>;
export type LocalState = z.infer<typeof stateSchema>;

/** What the last `up` wrote; undefined when there was none or the file is of another shape. */
export function readState(path: string): LocalState | undefined {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Writes the state in one rename, so that a reader never sees half of it. */
export function writeState(path: string, state: LocalState): void {
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(partial, path);
}
