import { createHash, randomBytes } from 'node:crypto';
import { SecretValue } from '@managed-consul/config';
import type { PrismaClient, Transaction } from '@managed-consul/database';
import { KEY_BYTES, open, seal } from './envelope';
import type { KeyWrapper } from './key-wrapper';
import { SecretNotFoundError } from './secret-errors';

/** Whose secret it is; decides the data key. */
export type SecretOwner = `cluster/${string}` | `snapshots/${string}` | 'control-plane';

interface DataKey {
  readonly plain: Uint8Array;
  readonly wrapped: Uint8Array<ArrayBuffer>;
}

/** Unwrapped data keys kept in memory; the oldest goes first. Bounds memory and the calls to a remote key holder. */
const CACHED_KEYS = 1000;

/** A put meets a destroyed owner at most once before it makes a new data key; more tries mean that something is broken. */
const PUT_ATTEMPTS = 3;

/**
 * Secrets at rest: each owner has a data key, wrapped by the key-encryption key; each secret is sealed with it, bound to
 * owner and purpose, so that a row copied elsewhere does not open. Every method takes a transaction to be part of;
 * call `prepareOwner` before opening it, so that no remote key holder is asked while the transaction is open.
 */
export class SecretStore {
  readonly #queries: PrismaClient;
  readonly #wrapper: KeyWrapper;
  readonly #unwrapped = new Map<string, Uint8Array>();

  constructor(queries: PrismaClient, wrapper: KeyWrapper) {
    this.#queries = queries;
    this.#wrapper = wrapper;
  }

  /** Stores the value, replacing an older one. */
  async put(owner: SecretOwner, purpose: string, value: SecretValue, tx?: Transaction): Promise<void> {
    const queries = tx ?? this.#queries;
    await this.#write(
      owner,
      queries,
      (key) => queries.$executeRaw`
        INSERT INTO secrets (owner, purpose, ciphertext)
        SELECT ${owner}, ${purpose}, ${sealSecret(key, owner, purpose, value)}::bytea
        FROM data_keys WHERE owner = ${owner} AND wrapped_key = ${key.wrapped}::bytea FOR KEY SHARE
        ON CONFLICT (owner, purpose) DO UPDATE SET ciphertext = EXCLUDED.ciphertext, created_at = now()`,
    );
  }

  /**
   * Stores the value unless there is one, and gives what is stored. A step that makes a random secret calls this before
   * it uses the secret: run again after a crash it goes on with the first value.
   */
  async putIfAbsent(owner: SecretOwner, purpose: string, value: SecretValue, tx?: Transaction): Promise<SecretValue> {
    const queries = tx ?? this.#queries;
    const present = await this.find(owner, purpose, tx);
    if (present) return present;
    await this.#write(
      owner,
      queries,
      // The row is touched on conflict so that "nothing written" can only mean that the data key is gone.
      (key) => queries.$executeRaw`
        INSERT INTO secrets (owner, purpose, ciphertext)
        SELECT ${owner}, ${purpose}, ${sealSecret(key, owner, purpose, value)}::bytea
        FROM data_keys WHERE owner = ${owner} AND wrapped_key = ${key.wrapped}::bytea FOR KEY SHARE
        ON CONFLICT (owner, purpose) DO UPDATE SET ciphertext = secrets.ciphertext`,
    );
    return this.get(owner, purpose, tx);
  }

  /** Throws `SecretNotFoundError` when there is none and `SecretUnreadableError` when it does not open. */
  async get(owner: SecretOwner, purpose: string, tx?: Transaction): Promise<SecretValue> {
    const found = await this.find(owner, purpose, tx);
    if (!found) throw new SecretNotFoundError(owner, purpose);
    return found;
  }

  async find(owner: SecretOwner, purpose: string, tx?: Transaction): Promise<SecretValue | undefined> {
    const queries = tx ?? this.#queries;
    const secret = await queries.secret.findUnique({ where: { owner_purpose: { owner, purpose } } });
    if (!secret) return undefined;
    const key = await this.#findKey(owner, queries);
    if (!key) return undefined;
    const plain = open(key.plain, secret.ciphertext, contextOf(owner, purpose), `The secret "${purpose}" of ${owner}`);
    return new SecretValue(plain.toString('utf8'));
  }

  /** Deletes one secret; one that is not there is fine. */
  async delete(owner: SecretOwner, purpose: string, tx?: Transaction): Promise<void> {
    await (tx ?? this.#queries).secret.deleteMany({ where: { owner, purpose } });
  }

  /** Destroys the owner's data key and secrets: from then on even a copy of the database opens none of them. */
  async destroyOwner(owner: SecretOwner, tx?: Transaction): Promise<void> {
    const destroy = async (queries: Transaction) => {
      const found = await queries.dataKey.findUnique({ where: { owner } });
      // Key first: it waits for every put that is under way, so that the second delete sees what they wrote.
      await queries.dataKey.deleteMany({ where: { owner } });
      await queries.secret.deleteMany({ where: { owner } });
      return found;
    };
    const key = await (tx ? destroy(tx) : this.#queries.$transaction(destroy));
    if (key) this.#unwrapped.delete(cacheKeyOf(key.wrappedKey));
  }

  /** Makes the owner's data key if there is none and has it unwrapped. */
  async prepareOwner(owner: SecretOwner): Promise<void> {
    await this.#ensureKey(owner, this.#queries);
  }

  async #write(owner: SecretOwner, queries: Transaction, write: (key: DataKey) => Promise<number>): Promise<void> {
    for (let attempt = 1; attempt <= PUT_ATTEMPTS; attempt += 1) {
      // Writes only beside the very key it sealed with: a destroyed owner cannot be left with an unreadable secret.
      if ((await write(await this.#ensureKey(owner, queries))) > 0) return;
    }
    throw new Error(`The data key of ${owner} was destroyed again and again while a secret was being stored.`);
  }

  async #findKey(owner: SecretOwner, queries: Transaction): Promise<DataKey | undefined> {
    const row = await queries.dataKey.findUnique({ where: { owner } });
    if (!row) return undefined;
    const cached = this.#unwrapped.get(cacheKeyOf(row.wrappedKey));
    if (cached) return { plain: cached, wrapped: row.wrappedKey };
    const plain = await this.#wrapper.unwrap({ wrapped: row.wrappedKey, keyVersion: row.keyVersion }, owner);
    this.#remember(row.wrappedKey, plain);
    return { plain, wrapped: row.wrappedKey };
  }

  async #ensureKey(owner: SecretOwner, queries: Transaction): Promise<DataKey> {
    const present = await this.#findKey(owner, queries);
    if (present) return present;
    const { wrapped, keyVersion } = await this.#wrapper.wrap(randomBytes(KEY_BYTES), owner);
    await queries.dataKey.createMany({ data: [{ owner, wrappedKey: wrapped, keyVersion }], skipDuplicates: true });
    const stored = await this.#findKey(owner, queries);
    if (!stored) throw new Error(`The data key of ${owner} was destroyed while it was being made.`);
    return stored;
  }

  #remember(wrapped: Uint8Array, plain: Uint8Array): void {
    this.#unwrapped.set(cacheKeyOf(wrapped), plain);
    const [oldest] = this.#unwrapped.keys();
    if (this.#unwrapped.size > CACHED_KEYS && oldest) this.#unwrapped.delete(oldest);
  }
}

const cacheKeyOf = (wrapped: Uint8Array): string => createHash('sha256').update(wrapped).digest('base64');

/** Lengths keep `a` + `bc` apart from `ab` + `c`. */
const contextOf = (owner: string, purpose: string): string => `secret:${owner.length}:${owner}:${purpose}`;

const sealSecret = (key: DataKey, owner: string, purpose: string, value: SecretValue): Uint8Array<ArrayBuffer> =>
  seal(key.plain, Buffer.from(value.reveal(), 'utf8'), contextOf(owner, purpose));
