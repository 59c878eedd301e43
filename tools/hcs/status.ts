import { loadLocalSettings } from '../../infra/local/local-settings';
import { readStatus, type LocalStatus } from '../../infra/local/status';
import type { CommandLine } from './command-line';

function describe(status: LocalStatus): string {
  const parts = status.components.map(({ name, pid, port, restarts }) => {
    const where = port === null ? '' : `127.0.0.1:${port}`;
    const again = restarts > 0 ? `, started again ${restarts} times` : '';
    return `  ${name.padEnd(16)} ${where.padEnd(18)} ${pid === null ? 'not running' : `pid ${pid}`}${again}`;
  });
  const cluster = status.cluster ? `${status.cluster.name} (${status.cluster.id})` : 'none yet';
  return [
    `The service is ${status.state}.`,
    ...parts,
    '',
    `  API      ${status.api.url}`,
    `  Azure    ${status.azure.endpoint} (CA: ${status.azure.caFile})`,
    `  Cluster  ${cluster}`,
  ].join('\n');
}

/** `./hcs status [--json]`: exit code 0 when the service is running, else 1. */
export async function status({ root, args }: CommandLine): Promise<number> {
  const found = readStatus(loadLocalSettings(root));
  if (args.includes('--json')) console.log(JSON.stringify(found ?? { state: 'stopped', components: [] }, undefined, 2));
  else console.log(found ? describe(found) : 'The service has not run here yet: ./hcs up');
  return found?.state === 'running' ? 0 : 1;
}
