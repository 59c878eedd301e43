/**
 * Consul from Debian 11 (bullseye), the last Debian release that carries it. Uses apt with lists, cache and sources of its own:
 * the machine's apt configuration is read for its mirror and keyring and never written.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../processes/find-program';
import { runCommand } from '../processes/run-command';
import type { FetchRequest } from './fetch-request';

/** SHA-256 of the package of version 1.8.7+dfsg1-2+b3; other builds are verified by apt against Debian's signed lists. */
const KNOWN_PACKAGES: Record<string, string> = {
  'consul_1.8.7+dfsg1-2+b3_amd64.deb': 'e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9',
};

interface DebianSource {
  uri: string;
  keyring: string | undefined;
}

const DEBIAN_ARCHIVE = /\/debian\/?$/;

/** Reads the fields of a deb822 `.sources` file, whose paragraphs are separated by empty lines. */
function readSourcesFile(text: string): DebianSource[] {
  return text.split(/\n\s*\n/).flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}:[ \t]*(.+)$`, 'mi').exec(paragraph)?.[1]?.trim();
    const uris = field('URIs')?.split(/\s+/) ?? [];
    return field('Enabled') === 'no' ? [] : uris.map((uri) => ({ uri, keyring: field('Signed-By') }));
  });
}

/** Reads the `deb [options] uri suite components` lines of a `.list` file. */
function readListFile(text: string): DebianSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+\S+/.exec(line.trim());
    if (match?.[2] === undefined) return [];
    return [{ uri: match[2], keyring: /signed-by=(\S+)/.exec(match[1] ?? '')?.[1] }];
  });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The machine's own Debian archive. Throws on a machine that is not Debian. */
export function findDebianSource(aptFolder = '/etc/apt'): DebianSource {
  const parts = join(aptFolder, 'sources.list.d');
  let names: string[] = [];
  try {
    names = readdirSync(parts).sort();
  } catch {
    names = [];
  }
  const sources = [
    ...names.filter((name) => name.endsWith('.sources')).flatMap((name) => readSourcesFile(readIfThere(join(parts, name)))),
    ...readListFile(readIfThere(join(aptFolder, 'sources.list'))),
    ...names.filter((name) => name.endsWith('.list')).flatMap((name) => readListFile(readIfThere(join(parts, name)))),
  ];
  const debian = sources.find((source) => DEBIAN_ARCHIVE.test(source.uri));
  if (!debian) throw new Error('the machine has no Debian archive among its apt sources');
  return debian;
}

/** Writes a whole apt configuration under `folder` and gives the path of its main file. */
async function writeAptConfiguration(folder: string, source: DebianSource): Promise<string> {
  for (const name of ['empty', 'lists/partial', 'cache/archives/partial']) mkdirSync(join(folder, name), { recursive: true });
  const signedBy = source.keyring === undefined ? '' : `[signed-by=${source.keyring}] `;
  writeFileSync(join(folder, 'sources.list'), `deb ${signedBy}${source.uri} bullseye main\n`);
  // Proxies and the like are set under Acquire; hooks of the machine's own configuration must not run.
  const acquire = (await runCommand('apt-config', ['dump'])).split('\n').filter((line) => line.startsWith('Acquire::'));
  const own = [
    `Dir::Etc::main "${folder}/empty/none";`,
    `Dir::Etc::parts "${folder}/empty";`,
    `Dir::Etc::preferencesparts "${folder}/empty";`,
    `Dir::Etc::sourceparts "${folder}/empty";`,
    `Dir::Etc::sourcelist "${folder}/sources.list";`,
    `Dir::State::lists "${folder}/lists";`,
    `Dir::Cache "${folder}/cache";`,
    // apt's own unprivileged user could not write below a private folder.
    'APT::Sandbox::User "root";',
    'Acquire::Retries "3";',
  ];
  const path = join(folder, 'apt.conf');
  writeFileSync(path, [...acquire, ...own, ''].join('\n'));
  return path;
}

/** Downloads and unpacks Debian's package; gives the path of the program. */
export async function fetchFromDebian({ scratch, version, say }: FetchRequest): Promise<string> {
  const missing = ['apt-get', 'apt-config', 'dpkg'].find((name) => findProgram([name]) === undefined);
  if (missing !== undefined) throw new Error(`${missing} is not on this machine`);
  const source = findDebianSource();
  say(`Fetching Consul ${version} from Debian's archive`);
  const aptFolder = join(scratch, 'apt');
  const environment = { ...process.env, APT_CONFIG: await writeAptConfiguration(aptFolder, source) };
  await runCommand('apt-get', ['update', '-qq'], { env: environment });
  await runCommand('apt-get', ['download', '-qq', 'consul'], { env: environment, cwd: scratch });
  const name = readdirSync(scratch).find((file) => file.endsWith('.deb'));
  if (name === undefined) throw new Error('apt downloaded nothing');
  const expected = KNOWN_PACKAGES[decodeURIComponent(name)];
  const actual = createHash('sha256')
    .update(readFileSync(join(scratch, name)))
    .digest('hex');
  if (expected !== undefined && actual !== expected) throw new Error(`${name} has SHA-256 ${actual}, not ${expected}`);
  await runCommand('dpkg', ['-x', join(scratch, name), join(scratch, 'package')]);
  return join(scratch, 'package/usr/bin/consul');
}
