import { foldersOf } from '../../infra/local/folders';
import { stopLeftovers } from '../../infra/local/leftovers';
import { loadLocalSettings } from '../../infra/local/local-settings';
import { readState } from '../../infra/local/state-file';
import { isAlive, signalProcess, waitForEnd } from '../processes/process-identity';
import type { CommandLine } from './command-line';

/** The longest that an orderly stop takes: the emulator shuts down its machines, PostgreSQL writes a checkpoint. */
const STOP_WITHIN = 120_000;

/** `./hcs down`: asks a running `up` to stop, then ends what a killed one may have left. */
export async function down({ root }: CommandLine): Promise<number> {
  const folders = foldersOf(loadLocalSettings(root).stateFolder);
  const state = readState(folders.stateFile);
  const runs = state !== undefined && isAlive(state.supervisor);
  if (runs) {
    signalProcess(state.supervisor, 'SIGTERM');
    if (!(await waitForEnd(state.supervisor, STOP_WITHIN))) signalProcess(state.supervisor, 'SIGKILL');
  }
  const left = await stopLeftovers(folders);
  console.log(runs ? 'Stopped.' : left > 0 ? `Stopped ${left} processes that an earlier run had left.` : 'Nothing was running.');
  return 0;
}
