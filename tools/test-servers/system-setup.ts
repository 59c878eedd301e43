/**
 * Starts a whole service of its own for the whole-system tests, with the sample cluster, beside whatever else runs on this
 * machine, and stops it afterwards. `HCS_TEST_SERVICE=running` uses the service that `./hcs up` has started instead.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { startSpanCollector } from '@managed-consul/testing';
import { foldersOf } from '../../infra/local/folders';
import { loadLocalSettings } from '../../infra/local/local-settings';
import { runCommand, tryCommand } from '../processes/run-command';
import { traversableTemporaryFolder } from '../processes/traversable-folder';
import { findFreePlace, type Environment } from './free-place';

const ROOT = resolve(import.meta.dirname, '../..');
const KEPT_LOGS = join(ROOT, '.hcs/system-test-logs');

/** Tests find the service by these variables, through `./hcs status`, and trust its Azure. */
function tellTests(environment: Environment): void {
  Object.assign(process.env, environment);
  process.env['NODE_EXTRA_CA_CERTS'] = foldersOf(loadLocalSettings(ROOT, process.env).stateFolder).caFile;
}

/** The logs of a run are worth more than its data. */
function keepLogs(stateFolder: string): void {
  rmSync(KEPT_LOGS, { recursive: true, force: true });
  if (existsSync(join(stateFolder, 'logs'))) cpSync(join(stateFolder, 'logs'), KEPT_LOGS, { recursive: true });
}

/** Called by Vitest before the first whole-system test; what it gives is called after the last. */
export async function setup(): Promise<() => Promise<void>> {
  if (process.env['HCS_TEST_SERVICE'] === 'running') {
    tellTests({});
    return async () => undefined;
  }
  const stateFolder = mkdtempSync(join(traversableTemporaryFolder(), 'managed-consul-system-'));
  chmodSync(stateFolder, 0o755);
  // Beside the logs: what is looked for there is looked for in traces as well.
  const traces = join(stateFolder, 'logs/traces.jsonl');
  mkdirSync(dirname(traces), { recursive: true });
  const collector = await startSpanCollector({ file: traces });
  const environment = { ...(await findFreePlace(stateFolder)), HCS_TRACES_ENDPOINT: collector.endpoint };
  const options = { cwd: ROOT, env: { ...process.env, ...environment } };
  const stop = async () => {
    await tryCommand('./hcs', ['down'], options);
    await collector.stop();
    keepLogs(stateFolder);
    rmSync(stateFolder, { recursive: true, force: true });
  };
  try {
    const said = await runCommand('./hcs', ['up', '--detach'], options);
    console.log(
      said
        .split('\n')
        .filter((line) => line.startsWith('  '))
        .slice(0, 12)
        .join('\n'),
    );
  } catch (error) {
    const upLog = join(stateFolder, 'logs/up.log');
    if (existsSync(upLog)) console.error(readFileSync(upLog, 'utf8'));
    await stop();
    throw error;
  }
  tellTests({ ...environment, HCS_TEST_TRACES: traces });
  return stop;
}
