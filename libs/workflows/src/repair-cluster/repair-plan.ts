import { findInServers, OPERATION_KINDS, type Finding } from '@managed-consul/clusters';
import { z } from 'zod';
import { lookAtAzure } from '../observation/look-at-azure';
import { lookAtServers } from '../observation/look-at-servers';
import { serversWanted } from '../observation/look-for-missing';
import type { Step } from '../services';

/** What a repair is going to do, as vmIds and names. */
export interface RepairPlan {
  /** The members before the repair. */
  members: string[];
  /** Servers whose Consul is started again. */
  start: string[];
  /** Servers that are gone or dead: taken out together and replaced by new ones. */
  replace: string[];
  /** Servers that are silent but that Consul counts on: replaced one after the other. */
  silent: string[];
  /** Azure resources that are deployed again. */
  resources: string[];
  /** How many servers there are in the end. */
  servers: number;
}

const inputSchema = z.object({ findings: z.array(z.object({ reason: z.string(), about: z.string() })) });
const earlierPlanSchema = z.object({ start: z.array(z.string()) });

/** Servers that an earlier repair could not start: starting them once more would do as little. */
async function notStartable({ database, cluster, operation }: Step, stepName: string): Promise<string[]> {
  const last = await database.prisma.operation.findFirst({
    where: { clusterId: cluster.id, kind: OPERATION_KINDS.repairCluster, id: { not: operation.id } },
    orderBy: { createdAt: 'desc' },
    include: { steps: { where: { name: stepName } } },
  });
  if (last?.errorStep !== 'serverRunsAgain') return [];
  return earlierPlanSchema.safeParse(last.steps[0]?.output).data?.start ?? [];
}

/**
 * Looks at servers and Azure afresh, for what was found has had time to pass, and says what to do about what is still so. A
 * silent agent is only acted on when it was found silent before: this look alone may fall into a moment of a gateway.
 */
export async function planRepair(step: Step, ownName: string): Promise<RepairPlan> {
  const { cluster } = step;
  const { findings } = inputSchema.parse(step.operation.input);
  const [facts, inAzure, wanted, stubborn] = await Promise.all([
    lookAtServers(step),
    lookAtAzure(step),
    serversWanted(step),
    notStartable(step, ownName),
  ]);
  const found: Finding[] = [...findInServers(facts), ...inAzure];
  const namesOf = (reason: Finding['reason']) => found.filter((one) => one.reason === reason).map(({ about }) => about);
  const wasFound = (reason: string, name: string) => findings.some((one) => one.reason === reason && one.about === name);
  const silent = namesOf('AgentAway').filter((name) => wasFound('AgentAway', name));
  // Only the others know whether a server whose agent is silent is dead.
  const unhealthy = new Set(facts.servers.filter(({ healthy }) => healthy === false).map(({ name }) => name));
  const gone = new Set([...namesOf('MachineGone'), ...silent.filter((name) => unhealthy.has(name))]);
  const down = new Set(namesOf('ServerDown'));
  const servers = cluster.serverRecords;
  const isGivenUp = (vmId: string) => stubborn.includes(vmId) && servers.length > 1;
  const start = servers.filter(({ name, vmId }) => down.has(name) && !gone.has(name) && !isGivenUp(vmId));
  const replace = servers.filter(({ name, vmId }) => gone.has(name) || (down.has(name) && isGivenUp(vmId)));
  const stillCounts = servers.filter(({ name }) => silent.includes(name) && !gone.has(name));
  return {
    members: servers.map(({ vmId }) => vmId),
    start: start.map(({ vmId }) => vmId),
    replace: replace.map(({ vmId }) => vmId),
    silent: stillCounts.map(({ vmId }) => vmId),
    resources: [...namesOf('ResourceMissing'), ...namesOf('ResourceAltered')],
    servers: wanted,
  };
}
