import { setTimeout as wait } from 'node:timers/promises';
import { askConsul } from './consul-https';
import { listeningAddresses } from './machine-processes';
import type { WriterTarget } from './steady-writer';

const RPC_PORT = 8300;
const LOOK_MILLISECONDS = 25;
const VOTERS_MILLISECONDS = 250;

export interface ObserverReport {
  /** Most voters that did not listen at one moment. */
  mostDownAtOnce: number;
  /** Moments at which fewer voters listened than a majority needs, or more than one was down. */
  violations: { at: string; voters: string[]; down: string[] }[];
  looks: number;
}

/** Watches a cluster from outside: what Raft says of its voters, and what listens on this machine. Asks no record of the service. */
export interface ServerObserver {
  stop(): Promise<ObserverReport>;
}

async function readVoters(target: WriterTarget): Promise<string[] | undefined> {
  for (const address of target.addresses) {
    const answer = await askConsul({ ...target, address }, 'GET', '/v1/operator/raft/configuration?stale').catch(() => undefined);
    if (answer?.status !== 200) continue;
    const { Servers } = JSON.parse(answer.body) as { Servers: { Address: string; Voter: boolean }[] };
    return Servers.filter(({ Voter }) => Voter).map(({ Address }) => Address.replace(/:\d+$/, ''));
  }
  return undefined;
}

/** Starts watching, many times a second. A majority counts from the voters that Raft names, also while they become more or fewer. */
export function observeServers(target: () => WriterTarget): ServerObserver {
  const report: ObserverReport = { mostDownAtOnce: 0, violations: [], looks: 0 };
  const stopping = new AbortController();
  let voters: string[] = [];
  let readAt = 0;

  const refresh = async () => {
    voters = (await readVoters(target())) ?? voters;
    readAt = Date.now();
  };
  const downNow = () => {
    const listening = new Set(listeningAddresses(RPC_PORT));
    return voters.filter((address) => !listening.has(address));
  };
  const isBad = (down: readonly string[]) => down.length > 1 || voters.length - down.length < Math.floor(voters.length / 2) + 1;

  const running = (async () => {
    while (!stopping.signal.aborted) {
      if (Date.now() - readAt > VOTERS_MILLISECONDS) await refresh();
      let down = downNow();
      if (voters.length > 1 && isBad(down)) {
        // A server that has just left Raft is no voter any more: ask again before it is held against the service.
        await refresh();
        down = downNow();
        if (voters.length > 1 && isBad(down)) report.violations.push({ at: new Date().toISOString(), voters: [...voters], down });
      }
      if (voters.length > 1) report.mostDownAtOnce = Math.max(report.mostDownAtOnce, down.length);
      report.looks += 1;
      await wait(LOOK_MILLISECONDS);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await running;
      return report;
    },
  };
}
