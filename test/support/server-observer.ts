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
  /** The server there is taken down by the test itself: until it listens again it is not held against the service. */
  excuse(address: string): void;
  stop(): Promise<ObserverReport>;
}

/** One that was excused and did not go down within this time never will. */
const EXCUSE_MILLISECONDS = 5000;

/** Servers that somebody else than the service takes down, each until it is back. */
class Excuses {
  readonly #excused = new Map<string, { since: number; wentDown: boolean }>();

  add(address: string): void {
    this.#excused.set(address, { since: Date.now(), wentDown: false });
  }

  /** Those of `down` for which there is no excuse. */
  unexcused(down: readonly string[]): string[] {
    for (const [address, excuse] of this.#excused) {
      if (down.includes(address)) excuse.wentDown = true;
      else if (excuse.wentDown || Date.now() - excuse.since > EXCUSE_MILLISECONDS) this.#excused.delete(address);
    }
    return down.filter((address) => !this.#excused.has(address));
  }
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
  const excuses = new Excuses();
  let voters: string[] = [];
  let readAt = 0;

  const refresh = async () => {
    voters = (await readVoters(target())) ?? voters;
    readAt = Date.now();
  };
  const downNow = () => {
    const listening = new Set(listeningAddresses(RPC_PORT));
    return excuses.unexcused(voters.filter((address) => !listening.has(address)));
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
    excuse: (address) => excuses.add(address),
    stop: async () => {
      stopping.abort();
      await running;
      return report;
    },
  };
}
