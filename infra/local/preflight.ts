/** What must be true before anything is started; every problem is one line that says what to do. */
import { readFileSync } from 'node:fs';
import { portIsFree } from '../../tools/processes/free-port';
import type { LocalSettings } from './local-settings';

/** A problem that the user can mend; shown without a stack. */
export class PreflightError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'PreflightError';
  }
}

/** Linux only: machines have addresses of 127.0.0.0/8 and their processes are followed through /proc. */
export function checkPlatform(platform: string = process.platform, arch: string = process.arch): void {
  const supported = platform === 'linux' && ['x64', 'arm64'].includes(arch);
  if (!supported) throw new PreflightError([`./hcs up runs on Linux on x64 and arm64; this is ${platform} on ${arch}.`]);
}

function portsByName({ ports }: LocalSettings): [string, number][] {
  const agents: [string, number][] = ports.gateways.length > 1 ? [['agents', ports.agents]] : [];
  const named: [string, number][] = [
    ['api', ports.api],
    ['admin-api', ports.adminApi],
    ['api internal', ports.apiInternal],
    ['admin-api internal', ports.adminApiInternal],
    ['worker', ports.worker],
    ...agents,
    ...ports.gateways.flatMap((gateway, index): [string, number][] => [
      [`gateway-${index + 1}`, gateway.agents],
      [`gateway-${index + 1} internal`, gateway.internal],
    ]),
    ['azure-emulator', ports.azure],
    ['azure proxy', ports.azureProxy],
    ['blob storage', ports.blobs],
    ['postgres', ports.postgres],
    ['redis', ports.redis],
  ];
  return named;
}

/** Connections that have ended stay in the table for a minute; only what listens is in use. */
const LISTENING = '0A';
const CONSUL_SERF_PORT_HEX = (8301).toString(16).toUpperCase();

/** Whether some process of this machine already has Consul's port on an address of the block (Linux's own table). */
function blockIsInUse(machineAddresses: string, table: string): boolean {
  const [first, second] = machineAddresses.split('.').map(Number);
  const toHex = (octet = 0) => octet.toString(16).toUpperCase().padStart(2, '0');
  // The kernel prints IPv4 addresses least significant byte first: 127.10.x.y is yyxx0A7F.
  const ending = `${toHex(second)}${toHex(first)}:${CONSUL_SERF_PORT_HEX}`;
  return table.split('\n').some((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    return state === LISTENING && local.endsWith(ending);
  });
}

/** Names every port of ours that another process holds, and an address block that another copy uses. */
export async function checkPortsAndAddresses(settings: LocalSettings): Promise<void> {
  const problems: string[] = [];
  for (const [name, port] of portsByName(settings)) {
    if (await portIsFree(port)) continue;
    problems.push(
      `Port ${port} (${name}) is in use by another process; set HCS_PORT_BASE to another number than ${settings.portBase}.`,
    );
  }
  if (blockIsInUse(settings.machineAddresses, readFileSync('/proc/net/tcp', 'utf8'))) {
    problems.push(
      `Another copy runs Consul servers in ${settings.machineAddresses}; set HCS_MACHINE_ADDRESSES to another block.`,
    );
  }
  if (problems.length > 0) throw new PreflightError(problems);
}
