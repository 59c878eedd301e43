import type { SecretValue } from '@managed-consul/config';
import { z } from 'zod';
import type { ConsulConnection } from './connection';

const countsSchema = z
  .record(z.string(), z.number())
  .nullish()
  .transform((counts) => new Map(Object.entries(counts ?? {})));

const ringSchema = z.object({
  WAN: z.boolean(),
  Datacenter: z.string(),
  Segment: z.string().default(''),
  Keys: countsSchema,
  PrimaryKeys: countsSchema,
  NumNodes: z.number(),
});

/** The gossip keys of one ring, each with the number of its living members that hold it. Contains secrets. */
export type KeyRing = z.infer<typeof ringSchema>;

/** Whether every living member of every ring holds the key. */
export const everyMemberKnows = (rings: readonly KeyRing[], key: SecretValue): boolean =>
  rings.length > 0 && rings.every(({ Keys, NumNodes }) => Keys.get(key.reveal()) === NumNodes);

/** Whether every living member of every ring encrypts with the key. A Consul that does not tell primary keys never says yes. */
export const everyMemberUses = (rings: readonly KeyRing[], key: SecretValue): boolean =>
  rings.length > 0 && rings.every(({ PrimaryKeys, NumNodes }) => PrimaryKeys.get(key.reveal()) === NumNodes);

/** Keys of all rings that are not `key`. Contains secrets. */
export const otherKeys = (rings: readonly KeyRing[], key: SecretValue): string[] => [
  ...new Set(rings.flatMap(({ Keys }) => [...Keys.keys()]).filter((other) => other !== key.reveal())),
];

/**
 * The gossip keys of a datacenter. Each change goes to every member and fails with a `TransientError` unless all have carried it
 * out; all may be made twice.
 */
export class Keyring {
  readonly #connection: ConsulConnection;

  constructor(connection: ConsulConnection) {
    this.#connection = connection;
  }

  async rings(): Promise<KeyRing[]> {
    return this.#connection.ask(z.array(ringSchema), '/v1/operator/keyring');
  }

  /** Makes a key known to every member; none encrypts with it yet. */
  async install(key: SecretValue): Promise<void> {
    await this.#connection.tell('/v1/operator/keyring', { method: 'POST', body: { Key: key.reveal() } });
  }

  /** Lets every member encrypt with a key that it knows. */
  async use(key: SecretValue): Promise<void> {
    await this.#connection.tell('/v1/operator/keyring', { method: 'PUT', body: { Key: key.reveal() } });
  }

  /** Makes every member forget a key. One that still encrypts with it refuses. */
  async remove(key: SecretValue): Promise<void> {
    await this.#connection.tell('/v1/operator/keyring', { method: 'DELETE', body: { Key: key.reveal() } });
  }
}
