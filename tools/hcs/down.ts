import { foldersOf } from '../../infra/local/folders';
import { stopLeftovers } from '../../infra/local/leftovers';
import { loadLocalSettings } from '../../infra/local/local-settings';
import { lockHolder } from '../../infra/local/run-lock';
import { signalProcess, waitForEnd } from '../processes/process-identity';
import type { CommandLine } from './command-line';

/** The longest that an orderly stop takes: the emulator shuts down its machines, PostgreSQL writes a checkpoint. */
const STOP_WITHIN = 120_000;

/** `./hcs down`: asks a running `up` to stop, then ends what a killed one may have left. */
export async function down({ root }: CommandLine): Promise<number> {
  const folders = foldersOf(loadLocalSettings(root).stateFolder);
  // Not what the state file says: an `up` that is still building has written none yet.
  const running = lockHolder(folders.lock);
  if (running) {
    signalProcess(running, 'SIGTERM');
    if (!(await waitForEnd(running, STOP_WITHIN))) signalProcess(running, 'SIGKILL');
  }
  const left = await stopLeftovers(folders);
  console.log(
    running ? 'Stopped.' : left > 0 ? `Stopped ${left} processes that an earlier run had left.` : 'Nothing was running.',
  );
  return 0;
}
