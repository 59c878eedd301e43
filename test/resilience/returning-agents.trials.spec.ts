import { resolve } from 'node:path';
import { minutes } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import { expect, it } from 'vitest';
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
  unanswered,
} from '../support/agents-on-a-gateway';

/** Ten thousand are looked at by `./hcs performance gateway-agents`. */
const AGENTS = 400;
const CLOSED_PORT = 'ECONNREFUSED';

it('all agents of a gateway that was killed come back, with no failed try but on its closed port, and answer', async () => {
  const place = await openPlace(resolve(import.meta.dirname, '../..'));
  const ended: (() => Promise<unknown>)[] = [() => place.stop()];
  try {
    let gateway = await startGateway(place);
    ended.push(() => stopProcess(gateway.child, 'SIGKILL'));
    const crew = await enrol(place, AGENTS);
    const fleets = startFleets(place, place.agentPort, crew, 2);
    ended.push(() => stopFleets(fleets));
    await allConnected(fleets, AGENTS);
    expect(summed(fleets, 'failures')).toEqual({});
    await stopProcess(gateway.child, 'SIGKILL');
    await until(() => Promise.resolve(connected(fleets) === 0), { within: minutes(1), because: 'all have lost the gateway' });
    gateway = await startGateway(place);
    await allConnected(fleets, AGENTS);
    expect(Object.keys(summed(fleets, 'failures')).filter((why) => why !== CLOSED_PORT)).toEqual([]);
    expect(gateway.troubles).toEqual([]);
    expect(await unanswered(place, crew.agents, AGENTS)).toBe(0);
  } finally {
    for (const end of ended.reverse()) await end();
  }
});
