import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { FetchRequest } from './fetch-request';

const RELEASES = 'https://releases.hashicorp.com/consul';

async function download(url: string): Promise<Uint8Array> {
  const response = await fetch(url, { signal: AbortSignal.timeout(120_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The official zip, checked against the SHA-256 that is published beside it; gives the path of the program. */
export async function fetchOfficialRelease({ scratch, version, architecture, say }: FetchRequest): Promise<string> {
  say(`Fetching the official release of Consul ${version}`);
  const name = `consul_${version}_${process.platform}_${architecture}.zip`;
  const sums = new TextDecoder().decode(await download(`${RELEASES}/${version}/consul_${version}_SHA256SUMS`));
  const expected = sums
    .split('\n')
    .find((line) => line.trim().endsWith(name))
    ?.trim()
    .split(/\s+/)[0];
  if (expected === undefined) throw new Error(`there is no published SHA-256 of ${name}`);
  const archive = await download(`${RELEASES}/${version}/${name}`);
  const actual = createHash('sha256').update(archive).digest('hex');
  if (actual !== expected) throw new Error(`${name} has SHA-256 ${actual}, not ${expected}`);
  const program = unzipSync(archive)['consul'];
  if (program === undefined) throw new Error(`${name} holds no program named consul`);
  const path = join(scratch, 'consul-release');
  writeFileSync(path, program, { mode: 0o755 });
  return path;
}
