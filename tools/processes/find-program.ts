import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

/** The first of `names` that is a program on `searchPath` (the PATH of this process unless told otherwise). */
export function findProgram(names: readonly string[], searchPath = process.env['PATH'] ?? ''): string | undefined {
  for (const name of names) {
    // Debian puts servers in sbin folders, which are not on the PATH of every user.
    for (const folder of [...searchPath.split(delimiter), '/usr/local/sbin', '/usr/sbin']) {
      const path = join(folder, name);
      if (folder !== '' && isProgram(path)) return path;
    }
  }
  return undefined;
}
