/** What a custom image holds beside the operating system: the files that a new machine finds on its disk. */
import { chmodSync, constants, copyFileSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Lays the image's files onto an empty disk. They are linked: an image of many megabytes costs no time and no space, and its files
 * must be closed to writing (mode), since all machines share their bytes. Where the file system has no links they are copied.
 */
export function layImage(image: string, disk: string): void {
  for (const entry of readdirSync(image, { withFileTypes: true })) {
    const [from, to] = [join(image, entry.name), join(disk, entry.name)];
    if (entry.isDirectory()) {
      mkdirSync(to);
      chmodSync(to, 0o755);
      layImage(from, to);
    } else if (entry.isFile()) placeFile(from, to);
  }
}

function placeFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
  }
}
