import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isTraversable, runtimeFolderOf } from '../../tools/processes/traversable-folder';

/** Where everything of one copy lies. */
export interface LocalFolders {
  state: string;
  /** Data of programs that run as another user (PostgreSQL, machines); reachable by every user. */
  runtime: string;
  logs: string;
  secrets: string;
  artifacts: string;
  stateFile: string;
  /** Held by the `up` that runs here. */
  lock: string;
  caFile: string;
}

const runtimeLinkOf = (stateFolder: string): string => join(stateFolder, 'runtime');

/** Names the folders, makes none. The runtime folder goes by its real path: other users may not enter where a link to it lies. */
export function foldersOf(stateFolder: string): LocalFolders {
  const link = runtimeLinkOf(stateFolder);
  const runtime = existsSync(link) ? realpathSync(link) : link;
  return {
    state: stateFolder,
    runtime,
    logs: join(stateFolder, 'logs'),
    secrets: join(stateFolder, 'secrets'),
    artifacts: join(stateFolder, 'artifacts'),
    stateFile: join(stateFolder, 'state.json'),
    lock: join(stateFolder, 'lock'),
    caFile: join(runtime, 'azure-emulator/tls/ca.pem'),
  };
}

/** A number for the lifetime of the state folder: data elsewhere that carries another belongs to a folder that is gone. */
function identityOf(stateFolder: string): string {
  const path = join(stateFolder, 'id');
  if (!existsSync(path)) writeFileSync(path, randomUUID());
  return readFileSync(path, 'utf8');
}

function linkRuntimeFolder(folders: LocalFolders): void {
  const identity = identityOf(folders.state);
  const elsewhere = runtimeFolderOf(folders.state);
  const marker = join(elsewhere, 'state-folder-id');
  if (!existsSync(marker) || readFileSync(marker, 'utf8') !== identity) {
    rmSync(elsewhere, { recursive: true, force: true });
    runtimeFolderOf(folders.state);
    writeFileSync(marker, identity);
  }
  const link = runtimeLinkOf(folders.state);
  if (!existsSync(link)) symlinkSync(elsewhere, link);
}

/**
 * Makes the folders. As root, PostgreSQL and the machines run as other users: if these cannot enter the state folder, the
 * runtime folder is a link to one of our own below /var/tmp.
 */
export function makeFolders(stateFolder: string): void {
  const folders = foldersOf(stateFolder);
  mkdirSync(folders.state, { recursive: true });
  for (const folder of [folders.logs, folders.artifacts]) mkdirSync(folder, { recursive: true });
  mkdirSync(folders.secrets, { recursive: true, mode: 0o700 });
  chmodSync(folders.secrets, 0o700);
  const link = runtimeLinkOf(stateFolder);
  if (existsSync(link) && lstatSync(link).isDirectory()) return;
  if (process.getuid?.() === 0 && !isTraversable(folders.state)) linkRuntimeFolder(folders);
  else mkdirSync(link, { mode: 0o755 });
}
