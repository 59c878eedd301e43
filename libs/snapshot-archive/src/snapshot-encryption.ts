import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { SnapshotDamagedError } from './snapshot-damaged-error';

/**
 * How a snapshot is stored. All numbers are big-endian.
 *
 *     header   8 bytes   "MCSNAP" then format version 1 as two bytes (00 01)
 *             32 bytes   random salt
 *     chunks             each at most 65536 bytes of plain text, encrypted, followed by its 16-byte tag;
 *                        every chunk but the last is full, the last has 0 to 65536 bytes
 *
 * Key of the file: HKDF-SHA256(key = content key, salt = salt, info = "managed-consul snapshot " + snapshot id, 32 bytes). The salt makes it
 * the key of this one file, and the id binds the file to its snapshot: another snapshot's bytes do not decrypt in its place.
 * Chunk n (from 0): AES-256-GCM, nonce = 7 zero bytes, n as 4 bytes, then 1 for the last chunk and 0 for all others;
 * additional data = the 40 bytes of the header. So chunks that were altered, moved, left out or cut off are found.
 * (The construction is STREAM: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
 * Misuse-Resistance", 2015.)
 */
export const SNAPSHOT_FORMAT = {
  magic: Buffer.from('MCSNAP\x00\x01', 'latin1'),
  saltBytes: 32,
  chunkBytes: 64 * 1024,
  tagBytes: 16,
  keyBytes: 32,
} as const;

const { magic, saltBytes, chunkBytes, tagBytes, keyBytes } = SNAPSHOT_FORMAT;
const HEADER_BYTES = magic.length + saltBytes;
/** What four bytes count: 256 TiB of snapshot. */
const MOST_CHUNKS = 2 ** 32;

/** Encrypts what is written to it. `contentKey` has 32 bytes and belongs to this snapshot alone. */
export function encryptSnapshot(contentKey: Buffer, snapshotId: string): Transform {
  const header = Buffer.concat([magic, randomBytes(saltBytes)]);
  const key = fileKey(contentKey, header, snapshotId);
  const chunks = new Chunks(chunkBytes);
  let isFirst = true;
  const encrypt = (to: Transform, chunk: Buffer, number: number, isLast: boolean) => {
    if (isFirst) to.push(header);
    isFirst = false;
    const cipher = createCipheriv('aes-256-gcm', key, nonce(number, isLast)).setAAD(header);
    to.push(Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]));
  };
  return chunkTransform(chunks, encrypt);
}

/**
 * Decrypts what is written to it. Fails with `SnapshotDamagedError` when the bytes are not all that was stored under this key
 * and id. A chunk comes out once it was authenticated, but only the stream's end says that none is missing.
 */
export function decryptSnapshot(contentKey: Buffer, snapshotId: string): Transform {
  const chunks = new Chunks(chunkBytes + tagBytes, HEADER_BYTES);
  let key: Buffer | undefined;
  const decrypt = (to: Transform, chunk: Buffer, number: number, isLast: boolean) => {
    const { header } = chunks;
    if (!header || !header.subarray(0, magic.length).equals(magic))
      throw new SnapshotDamagedError('The stored bytes do not begin like a snapshot of this service.');
    if (chunk.length < tagBytes) throw new SnapshotDamagedError('The stored snapshot was cut off.');
    key ??= fileKey(contentKey, header, snapshotId);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce(number, isLast)).setAAD(header);
    decipher.setAuthTag(chunk.subarray(-tagBytes));
    try {
      to.push(Buffer.concat([decipher.update(chunk.subarray(0, -tagBytes)), decipher.final()]));
    } catch (cause) {
      throw new SnapshotDamagedError('The stored snapshot was altered or cut off, or belongs to another key.', cause);
    }
  };
  return chunkTransform(chunks, decrypt);
}

function fileKey(contentKey: Buffer, header: Buffer, snapshotId: string): Buffer {
  if (contentKey.length !== keyBytes) throw new Error(`A content key has ${keyBytes} bytes.`);
  const info = `managed-consul snapshot ${snapshotId}`;
  return Buffer.from(hkdfSync('sha256', contentKey, header.subarray(magic.length), info, keyBytes));
}

function nonce(number: number, isLast: boolean): Buffer {
  if (number >= MOST_CHUNKS) throw new Error('The snapshot has more chunks than the format can count.');
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(number, 7);
  bytes.writeUInt8(isLast ? 1 : 0, 11);
  return bytes;
}

/** Cuts what comes into a header and chunks of one size. A full chunk is held back until it is known whether it is the last. */
class Chunks {
  readonly #size: number;
  readonly #headerSize: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #number = 0;
  header: Buffer | undefined;

  constructor(size: number, headerSize = 0) {
    this.#size = size;
    this.#headerSize = headerSize;
  }

  add(part: Buffer, take: (chunk: Buffer, number: number) => void): void {
    this.#held.push(part);
    this.#heldBytes += part.length;
    this.#cutHeader();
    while (this.#heldBytes > this.#size && this.#hasHeader()) take(this.#cut(this.#size), this.#number++);
  }

  last(): { chunk: Buffer; number: number } {
    this.#cutHeader();
    return { chunk: this.#cut(this.#heldBytes), number: this.#number };
  }

  #hasHeader(): boolean {
    return this.header !== undefined || this.#headerSize === 0;
  }

  #cutHeader(): void {
    if (!this.#hasHeader() && this.#heldBytes >= this.#headerSize) this.header = this.#cut(this.#headerSize);
  }

  #cut(size: number): Buffer {
    const all = this.#held.length === 1 && this.#held[0] ? this.#held[0] : Buffer.concat(this.#held);
    this.#held = all.length > size ? [all.subarray(size)] : [];
    this.#heldBytes -= size;
    return all.subarray(0, size);
  }
}

function chunkTransform(
  chunks: Chunks,
  handle: (to: Transform, chunk: Buffer, number: number, isLast: boolean) => void,
): Transform {
  const guarded = (done: TransformCallback, work: () => void) => {
    try {
      work();
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };
  return new Transform({
    transform(part: Buffer, _encoding, done) {
      guarded(done, () => chunks.add(part, (chunk, number) => handle(this, chunk, number, false)));
    },
    flush(done) {
      guarded(done, () => {
        const { chunk, number } = chunks.last();
        handle(this, chunk, number, true);
      });
    },
  });
}
