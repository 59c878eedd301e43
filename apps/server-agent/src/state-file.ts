import { join } from 'node:path';
import { desiredStateSchema, type DesiredState } from '@managed-consul/agent-protocol';
import { z } from 'zod';
import { readFileIfThere, writeFileAtomically } from './atomic-file';

const launchSchema = z.object({
  hash: z.string(),
  running: z.boolean(),
  binarySha256: z.string(),
  version: z.string(),
  restart: z.string(),
  loaded: z.string(),
});
/** What the files in Consul's folder were last made for; enough to start Consul again without the gateway. */
export type Launch = z.infer<typeof launchSchema>;

/** What the agent must still know after its own restart. 0600: the desired state holds the cluster's secrets. */
export class StateFile {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  readDesired(): Promise<DesiredState | undefined> {
    return this.#read('desired.json', desiredStateSchema);
  }

  writeDesired(desired: DesiredState): Promise<void> {
    return this.#write('desired.json', desired);
  }

  readLaunch(): Promise<Launch | undefined> {
    return this.#read('launch.json', launchSchema);
  }

  writeLaunch(launch: Launch): Promise<void> {
    return this.#write('launch.json', launch);
  }

  /** Hash of the desired state that was last in force in full. */
  async readAppliedHash(): Promise<string | undefined> {
    return (await this.#read('applied.json', z.object({ hash: z.string() })))?.hash;
  }

  writeAppliedHash(hash: string): Promise<void> {
    return this.#write('applied.json', { hash });
  }

  async #read<Schema extends z.ZodType>(name: string, schema: Schema): Promise<z.infer<Schema> | undefined> {
    const text = await readFileIfThere(join(this.#folder, name));
    if (text === undefined) return undefined;
    // A file that cannot be read is as good as none: the control plane sends the state again.
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  async #write(name: string, value: unknown): Promise<void> {
    await writeFileAtomically(join(this.#folder, name), JSON.stringify(value), 0o600);
  }
}
