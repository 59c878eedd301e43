import type { PowerWord } from '@managed-consul/azure';
import type { Server } from '@managed-consul/database';
import { TransientError } from '@managed-consul/errors';
import type { Step } from '../services';
import { consulOn } from '../shared-steps/consul-access';
import { machinesOf, scaleSetOf } from '../shared-steps/machines';

/** What is known of a server, from its own word or from that of who runs it. */
export type Standing =
  /** Its Consul names a leader. */
  | 'follows'
  /** Its Consul answers and names none. */
  | 'leaderless'
  /** Its agent says that Consul does not run. */
  | 'down'
  /** Azure says that its machine does not run, or that there is none. */
  | 'stopped'
  | 'gone'
  /** None of these: it may lead for all that is known, and only the way to it be broken. */
  | 'silent';

/** Whether anybody can lead: surely so, surely not, or not to be seen from here. */
export type QuorumVerdict = 'led' | 'lost' | 'unseen';

/** A server that is silent proves nothing: an outage on the way to healthy servers looks the same as their loss. */
export function judgeQuorum(standings: readonly Standing[]): QuorumVerdict {
  if (standings.includes('follows')) return 'led';
  return standings.includes('silent') ? 'unseen' : 'lost';
}

const STOPPED: readonly PowerWord[] = ['stopped', 'deallocated'];

/** Whether Azure says that a machine has come to rest: no server can run on it. */
export const isStopped = (power: PowerWord): boolean => STOPPED.includes(power);

/** What a server or its agent says; undefined when neither can be asked. */
async function ownWord(step: Step, server: Server): Promise<Standing | undefined> {
  try {
    return (await (await consulOn(step, server)).leader()) === undefined ? 'leaderless' : 'follows';
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
  }
  try {
    const agent = await step.agents.find(step.cluster.id, server.vmId);
    // One that runs without answering may be about to: that is no proof of anything.
    return (await agent.state(step.signal)).consul.running ? undefined : 'down';
  } catch (error) {
    if (error instanceof TransientError) return undefined;
    throw error;
  }
}

/** What Azure says of machines whose servers say nothing. */
async function azuresWord(step: Step, servers: readonly Server[]): Promise<Map<string, Standing>> {
  if (servers.length === 0) return new Map();
  const { scaleSets, resourceGroup, scaleSet } = scaleSetOf(step);
  const [machines, power] = await Promise.all([machinesOf(step), scaleSets.listPower(resourceGroup, scaleSet)]);
  const standingOf = ({ vmId, instanceId }: Server): Standing => {
    if (!machines.some((machine) => machine.vmId === vmId)) return 'gone';
    return isStopped(power.get(instanceId)) ? 'stopped' : 'silent';
  };
  return new Map(servers.map((server) => [server.id, standingOf(server)]));
}

/** A server with what is known of it. */
export interface StandingServer {
  server: Server;
  standing: Standing;
}

/** How every member stands. Throws `TransientError` when Azure has to be asked and cannot be. */
export async function standingsOf(step: Step): Promise<StandingServer[]> {
  const said = await Promise.all(
    step.cluster.serverRecords.map(async (server) => ({ server, word: await ownWord(step, server) })),
  );
  const inAzure = await azuresWord(
    step,
    said.filter(({ word }) => word === undefined).map(({ server }) => server),
  );
  return said.map(({ server, word }) => ({ server, standing: word ?? inAzure.get(server.id) ?? 'silent' }));
}

/** Names of the servers that cannot be seen, as the customer reads them. */
export const namesOfSilent = (standings: readonly StandingServer[]): string =>
  standings
    .filter(({ standing }) => standing === 'silent')
    .map(({ server }) => server.name)
    .join(', ');
