import { resolve } from 'node:path';
import { loadLocalSettings } from '../../infra/local/local-settings';
import { checkPortsAndAddresses } from '../../infra/local/preflight';

const ROOT = resolve(import.meta.dirname, '../..');
const FIRST_PORT_BASE = 21_000;
const FIRST_ADDRESS_BLOCK = 60;
const PLACES = 20;
/** As in production there are several gateways: an agent is then at another one than the worker asked before. */
const GATEWAYS = 2;

export type Environment = Record<string, string>;

/** The first port range and address block that nothing on this machine uses. */
export async function findFreePlace(stateFolder: string): Promise<Environment> {
  for (let place = 0; place < PLACES; place += 1) {
    const environment = {
      HCS_STATE_FOLDER: stateFolder,
      HCS_PORT_BASE: String(FIRST_PORT_BASE + place * 1000),
      HCS_MACHINE_ADDRESSES: `127.${FIRST_ADDRESS_BLOCK + place}.0.0/16`,
      HCS_GATEWAYS: String(GATEWAYS),
    };
    const settings = loadLocalSettings(ROOT, environment);
    const free = await checkPortsAndAddresses(settings).then(
      () => true,
      () => false,
    );
    if (free) return environment;
  }
  throw new Error(`No free ports from ${FIRST_PORT_BASE} on for a service to test.`);
}
