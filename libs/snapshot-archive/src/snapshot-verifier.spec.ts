import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { sampleArchive, type ArchiveWish } from './sample-archive';
import { SnapshotVerifier, type SnapshotFacts } from './snapshot-verifier';

/** Runs bytes through in parts of a size and gives what came out and what was found. */
async function verify(bytes: Buffer, partBytes = 16_384): Promise<{ passed: Buffer; facts: SnapshotFacts }> {
  const parts = Array.from({ length: Math.ceil(bytes.length / partBytes) }, (_, part) =>
    bytes.subarray(part * partBytes, (part + 1) * partBytes),
  );
  const verifier = new SnapshotVerifier();
  let passed = Buffer.alloc(0);
  await pipeline(Readable.from(parts), verifier, async (source) => {
    passed = await buffer(source);
  });
  return { passed, facts: verifier.facts };
}

const refuses = (bytes: Buffer, reason: RegExp) =>
  expect(verify(bytes)).rejects.toMatchObject({ name: 'SnapshotDamagedError', message: expect.stringMatching(reason) });

test.each([1 << 20, 16_384, 61])(
  'a whole archive passes unchanged in parts of %d bytes and says what it is',
  async (partBytes) => {
    const state = randomBytes(100_000);
    const archive = await sampleArchive({ state });
    const { passed, facts } = await verify(archive, partBytes);
    expect(passed.equals(archive)).toBe(true);
    const sha256 = createHash('sha256').update(archive).digest('hex');
    expect(facts).toEqual({ sizeBytes: archive.length, sha256, raftIndex: 34, raftTerm: 2, stateBytes: 100_000 });
  },
);

describe('refused as damaged', () => {
  test.each<[string, ArchiveWish, RegExp]>([
    ['an unknown member', { more: { 'extra.bin': Buffer.from('x') } }, /extra\.bin/],
    ['a member twice', { more: { 'state.bin': Buffer.from('x') } }, /twice/],
    ['a missing state', { leaveOut: 'state.bin' }, /no state\.bin/],
    ['missing hashes', { leaveOut: 'SHA256SUMS' }, /no SHA256SUMS/],
    ['a wrong hash', { sums: `${'0'.repeat(64)}  meta.json\n${'0'.repeat(64)}  state.bin\n` }, /does not have the hash/],
    ['hashes that are none', { sums: 'hello' }, /not a list/],
    ['a hash of something else', { sums: `${'0'.repeat(64)}  other\n` }, /other/],
    ['a description without a position', { meta: { Index: 0, Term: 0, Size: 300_000 } }, /Raft/],
    ['a description that is no JSON object', { meta: 7 }, /Raft/],
    ['a state of another size', { meta: { Index: 3, Term: 1, Size: 4 } }, /bytes of state/],
    ['a huge description', { meta: 'x'.repeat(2_000_000) }, /larger/],
  ])('%s', async (_what, wish, reason) => refuses(await sampleArchive(wish), reason));

  test('an archive that was cut off, wherever', async () => {
    const archive = await sampleArchive();
    for (const length of [0, 1, 9, 5000, archive.length - 9, archive.length - 1])
      await refuses(archive.subarray(0, length), /read/);
  });

  test('an archive of which one byte was flipped, wherever', async () => {
    const archive = await sampleArchive();
    // Bytes 4 to 9 of a gzip file are its time, flags and system: they carry nothing.
    for (let at = 11; at < archive.length; at += 4999) {
      const flipped = Buffer.from(archive);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      await refuses(flipped, /./);
    }
  });

  test('something after the end', async () => {
    const archive = await sampleArchive();
    await refuses(Buffer.concat([archive, Buffer.from('tail')]), /./);
    await refuses(Buffer.concat([archive, Buffer.alloc(100)]), /follows the end/);
  });

  test('a tar that ends inside a member although the gzip around it is whole', async () => {
    const tar = gunzipSync(await sampleArchive());
    await refuses(gzipSync(tar.subarray(0, 100_000)), /./);
  });

  test('what is no archive at all', async () => {
    await refuses(randomBytes(200_000), /read/);
    await refuses(gzipSync(randomBytes(200_000)), /./);
  });
});
