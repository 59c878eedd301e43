import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { minutes } from '@managed-consul/config';
import type { BlobClient, BlockBlobClient } from '@azure/storage-blob';
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
const TRY_TIMEOUT = minutes(2);
/** Statuses that the same request will meet again. */
const FINAL_STATUSES = new Set([400, 405, 411, 413]);

/** Loaded at the first use: Azure's client is larger than the rest of the agent, and most agents never store anything. */
const loadClient = () => import('@azure/storage-blob');

const OPTIONS = { retryOptions: { maxTries: 4, tryTimeoutInMs: TRY_TIMEOUT, retryDelayInMs: 500 } };

/** A blob that this machine's managed identity may write. Throws `TaskFailedError` `StorageRefused` or `StorageNotReachable`. */
export class SnapshotBlob {
  readonly #blob: BlockBlobClient;

  private constructor(blob: BlockBlobClient) {
    this.#blob = blob;
  }

  static async open(url: string, readToken: ReadToken): Promise<SnapshotBlob> {
    const { BlockBlobClient } = await loadClient();
    const getToken = async () => ({ token: await readToken(STORAGE_AUDIENCE), expiresOnTimestamp: Date.now() + TOKEN_KEPT });
    return new SnapshotBlob(new BlockBlobClient(url, { getToken }, OPTIONS));
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
      await asked(signal, () => this.#blob.stageBlock(id, block, block.length, { transactionalContentMD5, abortSignal: signal }));
      blocks.push(id);
    }
    const blobHTTPHeaders = { blobContentType: 'application/octet-stream', blobContentMD5: md5.digest() };
    await asked(signal, () => this.#blob.commitBlockList(blocks, { blobHTTPHeaders, abortSignal: signal }));
    const { contentLength } = await asked(signal, () => this.#blob.getProperties({ abortSignal: signal }));
    if (contentLength !== storedBytes) {
      const message = `${storedBytes} bytes were sent, the blob has ${String(contentLength)}.`;
      throw new TaskFailedError('SnapshotDamaged', message, { mayPass: true });
    }
    return { storedBytes, storedSha256: sha256.digest('hex') };
  }

  /** Fine when there is none. */
  async remove(): Promise<void> {
    await asked(undefined, () => this.#blob.deleteIfExists());
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

/**
 * Opens a blob by its signed address; a connection that breaks goes on where it broke. Throws `TaskFailedError`
 * `SnapshotUnreadable`.
 */
export async function readBlob(url: string, signal: AbortSignal): Promise<Readable> {
  const { BlobClient } = await loadClient();
  const blob: BlobClient = new BlobClient(url, undefined, OPTIONS);
  try {
    const { readableStreamBody } = await blob.download(0, undefined, { abortSignal: signal, maxRetryRequests: 5 });
    if (!readableStreamBody) throw new Error('The answer has no body.');
    return readableStreamBody as Readable;
  } catch (cause) {
    signal.throwIfAborted();
    throw unreadable(cause);
  }
}

/** The failure of a snapshot that could not be read whole. */
export function unreadable(cause: unknown): TaskFailedError {
  const status = statusOf(cause);
  const message =
    status === undefined
      ? 'The stored snapshot could not be read whole.'
      : `Storage answered ${status} to the reading of the snapshot.`;
  return new TaskFailedError('SnapshotUnreadable', message, { mayPass: status !== 404, cause });
}

async function asked<Answer>(signal: AbortSignal | undefined, question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
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

function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' ? status : undefined;
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : '';
}
