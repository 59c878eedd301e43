import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Transform, type Readable, type TransformCallback } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { z } from 'zod';
import { SnapshotDamagedError } from './snapshot-damaged-error';

/** What a whole snapshot says about itself. */
export interface SnapshotFacts {
  /** Of the archive as Consul gave it. */
  sizeBytes: number;
  sha256: string;
  raftIndex: number;
  raftTerm: number;
  /** Of the state in it, unpacked. */
  stateBytes: number;
}

/** Small members are kept whole while they are read; Consul's have a few hundred bytes. */
const LARGEST_SMALL_MEMBER_BYTES = 1024 * 1024;

const position = z.number().int().positive();
/** Raft's own description of the snapshot (hashicorp/raft, `SnapshotMeta`). */
const metaSchema = z.object({ Index: position, Term: position, Size: z.number().int().nonnegative() });

/**
 * Passes a snapshot archive through unchanged and looks at it meanwhile: a gzip tar of `meta.json`, `state.bin` and
 * `SHA256SUMS`, each once and nothing else, with the right hashes and a sane position in the Raft log. What is damaged fails
 * the stream with `SnapshotDamagedError`, at the latest before its end; so a reader that saw the end has a whole one.
 */
export class SnapshotVerifier extends Transform {
  readonly #hash = createHash('sha256');
  readonly #gunzip = createGunzip();
  readonly #verdict: Promise<Archive | Error>;
  #sizeBytes = 0;
  #facts: SnapshotFacts | undefined;

  constructor() {
    super();
    this.#verdict = readArchive(this.#gunzip).then(
      (archive) => archive,
      (error: unknown) => (error instanceof SnapshotDamagedError ? error : damaged(error)),
    );
    // What is damaged near its beginning need not be read to its end.
    void this.#verdict.then((archive) => archive instanceof Error && this.destroy(archive));
  }

  /** Known once the stream has ended. */
  get facts(): SnapshotFacts {
    if (!this.#facts) throw new Error('The snapshot has not been read to its end.');
    return this.#facts;
  }

  override _transform(part: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#sizeBytes += part.length;
    this.#hash.update(part);
    if (this.#gunzip.destroyed || this.#gunzip.write(part)) done(null, part);
    else void this.#drained().then(() => done(null, part));
  }

  override _flush(done: TransformCallback): void {
    this.#gunzip.end();
    void this.#verdict.then((archive) => {
      const error = archive instanceof Error ? archive : this.#conclude(archive);
      done(error ?? null);
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#gunzip.destroy();
    done(error);
  }

  /** Until the unpacking side has caught up, or has given up: then the end says why. */
  async #drained(): Promise<void> {
    const over = new AbortController();
    await Promise.race([
      once(this.#gunzip, 'drain', { signal: over.signal }).catch(() => undefined),
      once(this.#gunzip, 'close', { signal: over.signal }).catch(() => undefined),
      this.#verdict,
    ]);
    over.abort();
  }

  #conclude({ meta, stateBytes }: Archive): Error | undefined {
    if (this.#gunzip.bytesWritten !== this.#sizeBytes)
      return new SnapshotDamagedError('Something follows the end of the archive.');
    this.#facts = {
      sizeBytes: this.#sizeBytes,
      sha256: this.#hash.digest('hex'),
      raftIndex: meta.Index,
      raftTerm: meta.Term,
      stateBytes,
    };
    return undefined;
  }
}

interface Archive {
  meta: z.infer<typeof metaSchema>;
  stateBytes: number;
}

interface Member {
  sha256: string;
  bytes: number;
  /** Undefined for one that is too large to keep. */
  text: string | undefined;
}

const MEMBERS = ['meta.json', 'state.bin', 'SHA256SUMS'] as const;

async function readArchive(gunzip: Gunzip): Promise<Archive> {
  const members = new Map<string, Member>();
  const archive = extract();
  gunzip.on('error', (error) => archive.destroy(error));
  gunzip.pipe(archive);
  try {
    for await (const entry of archive) {
      const { name } = entry.header;
      if (!MEMBERS.some((known) => known === name))
        throw new SnapshotDamagedError(`The archive holds ${JSON.stringify(name)}, which no snapshot has.`);
      if (members.has(name)) throw new SnapshotDamagedError(`The archive holds ${name} twice.`);
      members.set(name, await readMember(entry as unknown as Readable, name));
    }
  } finally {
    gunzip.destroy();
  }
  return judge(members);
}

async function readMember(entry: Readable, name: string): Promise<Member> {
  const hash = createHash('sha256');
  const kept: Buffer[] | undefined = name === 'state.bin' ? undefined : [];
  let bytes = 0;
  for await (const part of entry as AsyncIterable<Buffer>) {
    bytes += part.length;
    hash.update(part);
    if (kept && bytes > LARGEST_SMALL_MEMBER_BYTES) throw new SnapshotDamagedError(`The archive's ${name} is larger than any.`);
    kept?.push(part);
  }
  return { sha256: hash.digest('hex'), bytes, text: kept && Buffer.concat(kept).toString('utf8') };
}

function judge(members: ReadonlyMap<string, Member>): Archive {
  const [metaFile, state, sums] = MEMBERS.map((name) => {
    const member = members.get(name);
    if (!member) throw new SnapshotDamagedError(`The archive has no ${name}.`);
    return member;
  }) as [Member, Member, Member];
  const expected = readSums(sums.text ?? '');
  for (const [name, { sha256 }] of [
    ['meta.json', metaFile],
    ['state.bin', state],
  ] as const) {
    if (expected.get(name) !== sha256) throw new SnapshotDamagedError(`${name} does not have the hash that SHA256SUMS names.`);
  }
  const meta = metaSchema.safeParse(parseJson(metaFile.text ?? ''));
  if (!meta.success) throw new SnapshotDamagedError('meta.json does not describe a Raft snapshot.', meta.error);
  if (meta.data.Size !== state.bytes)
    throw new SnapshotDamagedError(`meta.json names ${meta.data.Size} bytes of state, the archive has ${state.bytes}.`);
  return { meta: meta.data, stateBytes: state.bytes };
}

/** Lines of hash, two spaces, name: what sha256sum(1) writes. */
function readSums(text: string): Map<string, string> {
  const sums = new Map<string, string>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, hash, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (hash === undefined || name === undefined || sums.has(name))
      throw new SnapshotDamagedError('SHA256SUMS is not a list of hashes.');
    if (name !== 'meta.json' && name !== 'state.bin')
      throw new SnapshotDamagedError(`SHA256SUMS names ${JSON.stringify(name)}, which no snapshot has.`);
    sums.set(name, hash);
  }
  return sums;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const damaged = (cause: unknown): SnapshotDamagedError =>
  new SnapshotDamagedError(`The archive cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`, cause);
