import { z } from 'zod';
import { readFileIfThere, writeFileAtomically } from './atomic-file';
import { CONSUL_PATHS, type ConsulFolder } from './consul-folder';

/** Serf's own files: the keys of the datacenter's gossip, and of the gossip between datacenters. The first key encrypts. */
const KEY_FILES = ['data/serf/local.keyring', 'data/serf/remote.keyring'] as const;

const keysSchema = z.array(z.string()).min(1);
const configurationSchema = z.object({ encrypt: z.string() });

interface KeyFile {
  path: string;
  /** Undefined when the file cannot be read as keys. */
  keys: string[] | undefined;
}

function parseKeys(text: string): string[] | undefined {
  try {
    return keysSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

async function keyFiles(folder: ConsulFolder): Promise<KeyFile[]> {
  const files = await Promise.all(
    KEY_FILES.map(async (name) => ({ path: folder.at(name), text: await readFileIfThere(folder.at(name)) })),
  );
  return files.flatMap(({ path, text }) => (text === undefined ? [] : [{ path, keys: parseKeys(text) }]));
}

async function toldKey(folder: ConsulFolder): Promise<string | undefined> {
  const text = await readFileIfThere(folder.at(CONSUL_PATHS.configuration));
  return text === undefined ? undefined : configurationSchema.safeParse(JSON.parse(text)).data?.encrypt;
}

const lacks = ({ keys }: KeyFile, key: string): boolean => keys === undefined || !keys.includes(key);

/** Whether a Consul that runs does not know the gossip key of the configuration on disk; only a start with the key helps it. */
export async function lacksToldGossipKey(folder: ConsulFolder): Promise<boolean> {
  const key = await toldKey(folder);
  return key !== undefined && (await keyFiles(folder)).some((file) => lacks(file, key));
}

/**
 * Makes Consul's key files hold the gossip key of the configuration; to be called while Consul does not run. Serf writes these
 * files in place at every change of a key, so a Consul that is killed while it writes leaves an empty one, with which it never
 * starts again. The key is added behind those that are there: what this server encrypts with, the others know, and so they still
 * understand it; to change that is the keyring's business. A file that is not there is left to Consul, which makes it. Gives the
 * files that were mended.
 */
export async function mendGossipKeys(folder: ConsulFolder): Promise<string[]> {
  const key = await toldKey(folder);
  if (key === undefined) return [];
  const broken = (await keyFiles(folder)).filter((file) => lacks(file, key));
  for (const { path, keys } of broken) await writeFileAtomically(path, JSON.stringify([...(keys ?? []), key]), 0o600);
  return broken.map(({ path }) => path);
}
