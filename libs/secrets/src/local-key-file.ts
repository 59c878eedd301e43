import { createHash } from 'node:crypto';
import { open as openFile } from 'node:fs/promises';
import { KEY_BYTES, open, seal } from './envelope';
import type { KeyWrapper, WrappedKey } from './key-wrapper';
import { SecretUnreadableError } from './secret-errors';

/** The key file cannot be used; the message says why and what to do, and shows nothing of the key. */
export class KeyFileError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'KeyFileError';
  }
}

/** Key-encryption key in a local file: 32 random bytes as base64, readable by its owner alone. The embedded default. */
export class LocalKeyFile implements KeyWrapper {
  readonly #key: Buffer;
  readonly #keyVersion: string;

  private constructor(key: Buffer) {
    this.#key = key;
    this.#keyVersion = `file-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
  }

  /** Reads the file once. Throws `KeyFileError` when it is missing, readable by others, or holds no 32-byte key. */
  static async load(path: string): Promise<LocalKeyFile> {
    const file = await openFile(path, 'r').catch((cause: unknown) => {
      throw new KeyFileError(
        `The key file ${path} cannot be read; KEY_ENCRYPTION_KEY_FILE must name 32 random bytes in base64.`,
        cause,
      );
    });
    try {
      // Mode and content of the same open file: nobody can swap it in between.
      const { mode } = await file.stat();
      if ((mode & 0o077) !== 0) throw new KeyFileError(`The key file ${path} can be read by others; set its mode to 0600.`);
      const key = Buffer.from((await file.readFile('utf8')).trim(), 'base64');
      if (key.length !== KEY_BYTES)
        throw new KeyFileError(`The key file ${path} must hold ${KEY_BYTES} bytes in base64; it holds ${key.length}.`);
      return new LocalKeyFile(key);
    } finally {
      await file.close();
    }
  }

  async wrap(dataKey: Uint8Array, owner: string): Promise<WrappedKey> {
    return { wrapped: seal(this.#key, dataKey, `data-key:${owner}`), keyVersion: this.#keyVersion };
  }

  async unwrap(key: WrappedKey, owner: string): Promise<Uint8Array> {
    if (key.keyVersion !== this.#keyVersion)
      throw new SecretUnreadableError(`The data key of ${owner} (wrapped by ${key.keyVersion})`);
    return open(this.#key, key.wrapped, `data-key:${owner}`, `The data key of ${owner}`);
  }
}
