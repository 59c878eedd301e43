/**
 * Folders that programs of another user can reach. A clone may lie in a folder that only its owner can enter (0700), while
 * PostgreSQL refuses to run as root and so runs as another user: what such a program needs goes to a runtime folder instead.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';

const OTHERS_MAY_ENTER = 0o001;

/** Whether every folder from the root down to `folder` may be entered by any user. */
export function isTraversable(folder: string): boolean {
  let current = realpathSync(folder);
  for (;;) {
    if ((statSync(current).mode & OTHERS_MAY_ENTER) === 0) return false;
    const parent = dirname(current);
    if (parent === current) return true;
    current = parent;
  }
}

/** A folder for temporary files that any user may reach: the system's own unless that one is closed. */
export function traversableTemporaryFolder(): string {
  const found = [tmpdir(), '/var/tmp', '/tmp'].find((folder) => isTraversable(folder));
  if (found === undefined) throw new Error('No folder for temporary files can be entered by other users.');
  return found;
}

/**
 * Where programs and data of the clone at `root` live when other users must reach them: one folder per clone, the same
 * at every call. Throws if somebody else owns it.
 */
export function runtimeFolderOf(root: string): string {
  const folder = resolve(
    '/var/tmp',
    `managed-consul-${createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 12)}`,
  );
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) throw new Error(`${folder} belongs to another user; remove it.`);
  return folder;
}
