import { copyFile, open, rename, stat, truncate } from 'node:fs/promises';

const LARGEST_BYTES = 10 * 1024 * 1024;
const KEPT_FILES = 3;

/**
 * Turns over Consul's log once it is large. Consul keeps its file open for appending across restarts of the agent, so the
 * content is copied away and the file cut; a line written in between may be lost, the process is never disturbed.
 */
export async function rotateLog(path: string, largestBytes = LARGEST_BYTES): Promise<boolean> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= largestBytes) return false;
  for (let number = KEPT_FILES - 1; number >= 1; number -= 1) {
    await rename(`${path}.${number}`, `${path}.${number + 1}`).catch(() => undefined);
  }
  await copyFile(path, `${path}.1`);
  await truncate(path);
  return true;
}

/** The last error line of a Consul log, to explain why Consul ended; empty when there is none. */
export async function lastErrorLine(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, 16_384));
    await file.read(tail, 0, tail.length, size - tail.length);
    const lines = tail
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '');
    const error = lines.findLast((line) => /\[ERROR\]|==> Error|panic:|failed/i.test(line)) ?? lines.at(-1) ?? '';
    return error.trim().slice(0, 500);
  } finally {
    await file.close();
  }
}
