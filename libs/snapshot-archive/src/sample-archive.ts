import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

/** Changes to a good archive: other members, other hashes, other descriptions. */
export interface ArchiveWish {
  meta?: unknown;
  state?: Buffer;
  sums?: string;
  /** Members to add after the three. */
  more?: Record<string, Buffer>;
  leaveOut?: string;
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** An archive as Consul writes them, or one that is bad in the wished way. */
export async function sampleArchive(wish: ArchiveWish = {}): Promise<Buffer> {
  const state = wish.state ?? randomBytes(300_000);
  const meta = Buffer.from(
    JSON.stringify(
      wish.meta ?? { Version: 1, ID: '2-34-1', Index: 34, Term: 2, Peers: '', Configuration: {}, Size: state.length },
    ),
  );
  const sums = wish.sums ?? `${sha256(meta)}  meta.json\n${sha256(state)}  state.bin\n`;
  const members = { 'meta.json': meta, 'state.bin': state, SHA256SUMS: Buffer.from(sums) };
  const archive = pack();
  for (const [name, content] of [...Object.entries(members), ...Object.entries(wish.more ?? {})]) {
    if (name !== wish.leaveOut) archive.entry({ name }, content);
  }
  archive.finalize();
  return buffer((archive as unknown as NodeJS.ReadableStream).pipe(createGzip()));
}
