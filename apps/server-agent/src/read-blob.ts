import { Readable } from 'node:stream';
import type { Milliseconds } from '@managed-consul/config';
import { CLIENT_OPTIONS, loadClient, PATIENCE, statusOf } from './storage-client';
import { TaskFailedError } from './task-error';

/** How often a connection that broke or stood still is followed by another. */
const RESUMES = 5;

/** The rest of a blob, on its way. */
interface OpenBlob {
  body: Readable;
  /** Bytes that `body` will give. */
  length: number;
  etag: string;
  /** Breaks the connection off. */
  giveUp: () => void;
}

/** Asks for a blob from a place on; `etag` says that it must still be the same blob. */
type OpenAt = (offset: number, etag?: string) => Promise<OpenBlob>;

/**
 * Opens a blob by its signed address. A connection that breaks or stands still is followed by another, which goes on where it
 * ended. Throws `TaskFailedError` `SnapshotUnreadable` or `SnapshotMissing`; so does the stream.
 */
export async function readBlob(url: string, signal: AbortSignal, patience = PATIENCE): Promise<Readable> {
  const { BlobClient } = await loadClient();
  const blob = new BlobClient(url, undefined, CLIENT_OPTIONS);
  const openAt: OpenAt = async (offset, ifMatch) => {
    const givenUp = new AbortController();
    const giveUp = () => givenUp.abort();
    const timer = setTimeout(giveUp, patience.call);
    try {
      const abortSignal = AbortSignal.any([signal, givenUp.signal]);
      const conditions = ifMatch === undefined ? {} : { ifMatch };
      const answer = await blob.download(offset, undefined, { abortSignal, conditions, maxRetryRequests: 0 });
      const { readableStreamBody, contentLength, etag } = answer;
      if (!readableStreamBody || contentLength === undefined || etag === undefined) throw new Error('The answer is not whole.');
      return { body: readableStreamBody as Readable, length: contentLength, etag, giveUp };
    } catch (cause) {
      signal.throwIfAborted();
      throw unreadable(cause);
    } finally {
      clearTimeout(timer);
    }
  };
  return Readable.from(flowing(await openAt(0), openAt, signal, patience.idle), { objectMode: false });
}

async function* flowing(first: OpenBlob, openAt: OpenAt, signal: AbortSignal, idle: Milliseconds): AsyncGenerator<Buffer> {
  let open = first;
  let offset = 0;
  for (let resumes = 0; ; resumes += 1) {
    try {
      for await (const part of untilStill(open, idle)) {
        offset += part.length;
        yield part;
      }
      if (offset === first.length) return;
    } catch (cause) {
      signal.throwIfAborted();
      if (resumes === RESUMES) throw unreadable(cause);
    }
    open = await openAt(offset, first.etag);
  }
}

/** What the body gives, as long as its next part comes within `idle`. */
async function* untilStill({ body, giveUp }: OpenBlob, idle: Milliseconds): AsyncGenerator<Buffer> {
  const parts = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const breakOff = () => {
    giveUp();
    body.destroy(new Error('Storage does not go on with its answer.'));
  };
  try {
    for (;;) {
      const timer = setTimeout(breakOff, idle);
      const next = await parts.next().finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    body.destroy();
  }
}

/** The failure of a snapshot that could not be read whole: it is not there, or nothing is known of it. */
export function unreadable(cause: unknown): TaskFailedError {
  if (cause instanceof TaskFailedError) return cause;
  const status = statusOf(cause);
  const message =
    status === undefined
      ? 'The stored snapshot could not be read whole.'
      : `Storage answered ${status} to the reading of the snapshot.`;
  if (status === 404) return new TaskFailedError('SnapshotMissing', message, { mayPass: false, cause });
  return new TaskFailedError('SnapshotUnreadable', message, { mayPass: true, cause });
}
