/** The machine's own view of paths: what it calls `/etc/x` lies under its root folder on this host, and nowhere else. */
import { chmodSync, existsSync, lchownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, relative, sep } from 'node:path';
import type { Account } from './accounts';

/** As systemd does: a folder of somebody else's is handed over with all that is in it, one's own is left as it is. */
function giveTo(folder: string, uid: number, gid: number): void {
  const { uid: ownerUid, gid: ownerGid } = lstatSync(folder);
  if (ownerUid === uid && ownerGid === gid) return;
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) lchownSync(join(folder, entry), uid, gid);
  lchownSync(folder, uid, gid);
}

/** Maps paths of one machine. All methods throw with a sentence when a path leaves the machine. */
export class MachineFiles {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** The place on this host of an absolute path of the machine. */
  map(path: string): string {
    if (!isAbsolute(path)) throw new Error(`"${path}" is not an absolute path.`);
    const mapped = join(this.root, normalize(path));
    this.#refuseLinks(mapped);
    return mapped;
  }

  exists(path: string): boolean {
    return existsSync(this.map(path));
  }

  /** Makes a folder with its parents; only the folder itself gets mode and owner, and what an image put into it the owner, as systemd and cloud-init do. */
  makeFolder(path: string, owner: Account | undefined, mode: number): string {
    const mapped = this.map(path);
    this.makeParents(path);
    // Owner and mode would go through a link that a service left here, to wherever it points.
    if (lstatSync(mapped, { throwIfNoEntry: false })?.isSymbolicLink())
      throw new Error(`"${path}" is a symbolic link; the emulated machine does not follow it.`);
    mkdirSync(mapped, { recursive: true });
    chmodSync(mapped, mode);
    if (owner?.uid !== undefined && owner.gid !== undefined) giveTo(mapped, owner.uid, owner.gid);
    return mapped;
  }

  /** Makes the missing parents of a path, open to all to pass, whatever mask the emulator runs under. */
  makeParents(path: string): void {
    const parts = relative(this.root, dirname(this.map(path)))
      .split(sep)
      .filter(Boolean);
    let folder = this.root;
    for (const part of parts) {
      folder = join(folder, part);
      if (existsSync(folder)) continue;
      mkdirSync(folder);
      chmodSync(folder, 0o755);
    }
  }

  /** A service owns part of its disk: it must not be able to lead the emulator, maybe root, out of it by a link. */
  #refuseLinks(mapped: string): void {
    let folder = this.root;
    for (const part of relative(this.root, dirname(mapped)).split(sep).filter(Boolean)) {
      folder = join(folder, part);
      const found = lstatSync(folder, { throwIfNoEntry: false });
      if (!found) return;
      if (found.isSymbolicLink())
        throw new Error(`"/${relative(this.root, folder)}" is a symbolic link; the emulated machine does not follow it.`);
    }
  }
}
