import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seconds, minutes } from '@managed-consul/config';
import { definePerformance, until, type Figure } from '@managed-consul/testing';
import { freePort } from '../../tools/processes/free-port';
import { stopProcess } from '../../tools/processes/stop-process';
import {
  allConnected,
  connected,
  enrol,
  openPlace,
  startFleets,
  startGateway,
  stopFleets,
  summed,
  tsx,
  unanswered,
  type Crew,
  type Place,
} from '../support/agents-on-a-gateway';

const AGENTS = Number(process.env['GATEWAY_AGENTS'] ?? '10000');
/** Both ends of one connection are in different processes, and each of these stays under the usual limit of open files. */
const FLEETS = 4;
const LARGEST_RATIO = 1.5;
const SAMPLE = 200;

/** Resident memory in KiB. */
const memoryOf = (pid: number): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
/** Processor time in seconds so far. */
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
const pause = (length: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, length));

/** KiB that a process holds for each agent, once they are connected and what the handshakes left is collected. */
async function memoryPerAgent(place: Place, pid: number, port: number, crew: Crew, ended: (() => Promise<unknown>)[]) {
  const before = memoryOf(pid);
  const fleets = startFleets(place, port, crew, FLEETS);
  ended.push(() => stopFleets(fleets));
  await allConnected(fleets, AGENTS);
  await pause(seconds(30));
  return { fleets, perAgent: (memoryOf(pid) - before) / AGENTS };
}

/** Throws, with what to do, where a process may not have as many files open as the gateway holds connections. */
function requireOpenFiles(): void {
  const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
  if (limit < AGENTS + 1000)
    throw new Error(
      `${AGENTS} agents need ${AGENTS + 1000} open files, and the limit is ${limit}: run \`ulimit -n ${AGENTS + 1000}\`, or set GATEWAY_AGENTS.`,
    );
}

/** Holding many agents on one gateway, and their return after it was killed. */
export const gatewayAgents = definePerformance({
  name: 'gateway-agents',
  description: `memory of a gateway for each of ${AGENTS} agents against a bare idle TLS + HTTP/2 session, and their return after a restart`,
  run: async ({ root, say }) => {
    requireOpenFiles();
    const place = await openPlace(root);
    const ended: (() => Promise<unknown>)[] = [];
    try {
      const barePort = await freePort();
      let gateway = await startGateway(place);
      ended.push(() => stopProcess(gateway.child, 'SIGKILL'));
      const crew = await enrol(place, AGENTS);

      const files = ['gateway.pem', 'gateway-key.pem', 'agents-ca.pem'].map((name) => join(place.folder, name));
      const bareChild = tsx(
        root,
        'test/performance/bare-gateway.ts',
        [String(barePort), ...files],
        {},
        join(place.folder, 'bare.err'),
      );
      ended.push(() => stopProcess(bareChild, 'SIGKILL'));
      await pause(seconds(5));
      const bare = await memoryPerAgent(place, bareChild.pid ?? 0, barePort, crew, ended);
      await stopFleets(bare.fleets);
      await stopProcess(bareChild, 'SIGKILL');

      const own = await memoryPerAgent(place, gateway.pid, place.agentPort, crew, ended);
      const [cpu, since] = [cpuOf(gateway.pid), performance.now()];
      await pause(seconds(30));
      const share = ((cpuOf(gateway.pid) - cpu) / ((performance.now() - since) / 1000)) * 100;
      say(
        `at rest: ${share.toFixed(1)} % of a core; ${await unanswered(place, crew.agents, SAMPLE)} of ${SAMPLE} agents asked did not answer`,
      );

      const troublesBefore = gateway.troubles.length;
      await stopProcess(gateway.child, 'SIGKILL');
      await until(() => Promise.resolve(connected(own.fleets) === 0), {
        within: minutes(1),
        because: 'all have lost the gateway',
      });
      const lost = performance.now();
      gateway = await startGateway(place);
      await allConnected(own.fleets, AGENTS);
      const back = (performance.now() - lost) / 1000;
      const failures = summed(own.fleets, 'failures');
      const odd = Object.entries(failures).filter(([why]) => why !== 'ECONNREFUSED');
      say(
        `failed tries of agents meanwhile: ${JSON.stringify(failures)}; losses: ${JSON.stringify(summed(own.fleets, 'losses'))}`,
      );
      for (const line of gateway.troubles.slice(0, 5)) say(`gateway: ${line}`);
      const figures: Figure[] = [
        {
          ...{ name: `memory for each of ${AGENTS} agents`, value: own.perAgent, bare: bare.perAgent, unit: 'KiB' },
          hold: { ratio: LARGEST_RATIO, is: 'at most' },
        },
        { name: 'processor at rest', value: share, unit: '% of a core' },
        { name: 'all agents back after a kill', value: back, unit: 's' },
        {
          name: 'tries that failed otherwise than on a closed port',
          value: odd.reduce((sum, [, count]) => sum + count, 0),
          unit: 'tries',
        },
        { name: 'warnings of the gateway', value: troublesBefore + gateway.troubles.length, unit: 'lines' },
        {
          name: `of ${SAMPLE} agents asked afterwards, without an answer`,
          value: await unanswered(place, crew.agents, SAMPLE),
          unit: 'agents',
        },
      ];
      return figures;
    } finally {
      for (const end of ended.reverse()) await end();
      await place.stop();
    }
  },
});
