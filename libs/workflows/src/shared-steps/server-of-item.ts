import type { Server } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import type { Step } from '../services';

/** Item of `forEachServer` for a server in one of several rounds. `round` holds no slash. */
export const itemOf = (round: string, { vmId }: Pick<Server, 'vmId'>): string => `${round}/${vmId}`;

/** The server that `forEachServer` is at; its item is the server's vmId, with or without a round before it. */
export function serverOfItem({ cluster, item }: Pick<Step, 'cluster' | 'item'>): Server {
  const vmId = item.slice(item.lastIndexOf('/') + 1);
  const server = cluster.serverRecords.find((record) => record.vmId === vmId);
  if (server) return server;
  throw new TerminalError('ServerGone', 'A server that the operation was about to change is not there any more. Try again.');
}
