import { TerminalError } from '@managed-consul/errors';
import { z } from 'zod';
import type { Step } from '../services';

const inputSchema = z.object({ vmId: z.string() });

/** Plan: the one server that the request names. It may have gone since; a cluster that sleeps or leaves is left alone. */
export async function namedServer({ cluster, operation }: Step): Promise<string[]> {
  if (cluster.powerState !== 'Running')
    throw new TerminalError('ClusterSuspended', 'The cluster is suspended. Resume it, then ask again.');
  const { vmId } = inputSchema.parse(operation.input);
  if (cluster.serverRecords.some((server) => server.vmId === vmId)) return [vmId];
  throw new TerminalError('ServerGone', 'The server that was named is not there any more.');
}
