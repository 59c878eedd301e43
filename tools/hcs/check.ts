import { checksFor, runChecks } from '../check/checks';
import type { CommandLine } from './command-line';

/** `./hcs check` */
export async function check({ root }: CommandLine): Promise<number> {
  const failed = await runChecks(checksFor(root), (text) => console.log(text));
  console.log(failed === 0 ? 'All checks passed.' : `${failed} checks failed.`);
  return failed === 0 ? 0 : 1;
}
