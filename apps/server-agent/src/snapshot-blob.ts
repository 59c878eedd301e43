import { createHash } from 'node:crypto';
import { minutes, type Milliseconds } from '@managed-consul/config';
import type { BlockBlobClient } from '@azure/storage-blob';
import { CLIENT_OPTIONS, loadClient, PATIENCE, statusOf, type StoragePatience } from './storage-client';
import { TaskFailedError } from './task-error';

/** What was stored, as the agent sent it. */
export interface StoredBlob {
  storedBytes: number;
  storedSha256: string;
}

/** Reads an access token of this machine's identity for the audience. */
export type ReadToken = (audience: string) => Promise<string>;

/** https://learn.microsoft.com/entra/identity-platform/ names it as the audience of every storage account. */
const STORAGE_AUDIENCE = 'https://storage.azure.com/';
const BLOCK_BYTES = 4 * 1024 * 1024;
/** The metadata service keeps tokens itself; this only says when to ask it again. */
const TOKEN_KEPT = minutes(5);
/** Statuses that the same request will meet again. */
const FINAL_STATUSES = new Set([400, 405, 411, 413]);

/** A blob that this machine's managed identity may write. Throws `TaskFailedError` `StorageRefused` or `StorageNotReachable`. */
export class SnapshotBlob {
  readonly #blob: BlockBlobClient;
  readonly #patience: StoragePatience;

  private constructor(blob: BlockBlobClient, patience: StoragePatience) {
    this.#blob = blob;
    this.#patience = patience;
  }

  static async open(url: string, readToken: ReadToken, patience = PATIENCE): Promise<SnapshotBlob> {
    const { BlockBlobClient } = await loadClient();
    const getToken = async () => ({ token: await readToken(STORAGE_AUDIENCE), expiresOnTimestamp: Date.now() + TOKEN_KEPT });
    return new SnapshotBlob(new BlockBlobClient(url, { getToken }, CLIENT_OPTIONS), patience);
  }

  /**
   * Stores what `source` gives, block by block; storage checks each block's MD5. The blob appears whole, and only when `source`
   * has ended well.
   */
  async store(source: AsyncIterable<Buffer>, signal: AbortSignal): Promise<StoredBlob> {
    const [sha256, md5] = [createHash('sha256'), createHash('md5')];
    const blocks: string[] = [];
    let storedBytes = 0;
    for await (const block of inBlocks(source)) {
      sha256.update(block);
      md5.update(block);
      storedBytes += block.length;
      const id = Buffer.from(String(blocks.length).padStart(6, '0')).toString('base64');
      const transactionalContentMD5 = createHash('md5').update(block).digest();
      await this.#ask(signal, (abortSignal) =>
        this.#blob.stageBlock(id, block, block.length, { transactionalContentMD5, abortSignal }),
      );
      blocks.push(id);
    }
    const blobHTTPHeaders = { blobContentType: 'application/octet-stream', blobContentMD5: md5.digest() };
    await this.#ask(signal, (abortSignal) => this.#blob.commitBlockList(blocks, { blobHTTPHeaders, abortSignal }));
    const { contentLength } = await this.#ask(signal, (abortSignal) => this.#blob.getProperties({ abortSignal }));
    if (contentLength !== storedBytes) {
      const message = `${storedBytes} bytes were sent, the blob has ${String(contentLength)}.`;
      throw new TaskFailedError('SnapshotDamaged', message, { mayPass: true });
    }
    return { storedBytes, storedSha256: sha256.digest('hex') };
  }

  /** Fine when there is none. */
  async remove(): Promise<void> {
    await this.#ask(undefined, (abortSignal) => this.#blob.deleteIfExists({ abortSignal }));
  }

  #ask<Answer>(signal: AbortSignal | undefined, question: (abortSignal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    return asked(signal, this.#patience.call, question);
  }
}

/** Bytes in blocks of one size; the last may be smaller. One block is in memory at a time. */
async function* inBlocks(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const part of source) {
    parts.push(part);
    size += part.length;
    if (size < BLOCK_BYTES) continue;
    const all = Buffer.concat(parts, size);
    yield all.subarray(0, BLOCK_BYTES);
    parts = [all.subarray(BLOCK_BYTES)];
    size -= BLOCK_BYTES;
  }
  if (size > 0) yield Buffer.concat(parts, size);
}

async function asked<Answer>(
  signal: AbortSignal | undefined,
  patience: Milliseconds,
  question: (abortSignal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const givenUp = AbortSignal.timeout(patience);
  try {
    return await question(signal ? AbortSignal.any([signal, givenUp]) : givenUp);
  } catch (cause) {
    signal?.throwIfAborted();
    const status = statusOf(cause);
    if (status === undefined)
      throw new TaskFailedError('StorageNotReachable', 'The storage account does not answer.', { mayPass: true, cause });
    // 403 passes as well: a role that was just given takes minutes to be known everywhere.
    const mayPass = !FINAL_STATUSES.has(status);
    throw new TaskFailedError('StorageRefused', `Storage answered ${status} ${codeOf(cause)}.`, { mayPass, cause });
  }
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : '';
}
