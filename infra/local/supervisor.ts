/** Starts processes in order, starts again what dies (as an orchestrator would), and stops in reverse order what it started. */
import type { ChildProcess } from 'node:child_process';
import { identifyProcess } from '../../tools/processes/process-identity';
import { stopProcess } from '../../tools/processes/stop-process';
import type { ComponentState } from './state-file';

export interface Component {
  name: string;
  port: number | null;
  /** What else it listens on, by name. */
  otherPorts?: Record<string, number>;
  log: string;
  /** Starts the process, tells of it at once, and waits until it works; throws, with no process left, when it does not. */
  start(spawned: (child: ChildProcess) => void): Promise<ChildProcess>;
  stopSignal: ComponentState['stopSignal'];
  /** How long it may take to end before it is killed, in milliseconds. */
  stopWithin: number;
}

interface Supervised {
  component: Component;
  child: ChildProcess | undefined;
  /** Spawned, but not yet working; known so that a killed `up` leaves no process that nobody has written down. */
  starting: ChildProcess | undefined;
  restarts: number;
  /** When the process last began to work; a long life earns a quick restart. */
  startedAt: number;
}

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;
const STABLE_AFTER = 30_000;

export interface SupervisorEvents {
  /** After every change of what runs. */
  changed(components: ComponentState[]): void;
  say(line: string): void;
}

const identityOf = (child: ChildProcess | undefined): ComponentState['process'] =>
  child?.pid === undefined ? null : (identifyProcess(child.pid) ?? null);

export class Supervisor {
  readonly #supervised: Supervised[] = [];
  readonly #events: SupervisorEvents;
  #stopping = false;
  #restarting: Promise<unknown> = Promise.resolve();

  constructor(events: SupervisorEvents) {
    this.#events = events;
  }

  /** Starts one more process and keeps it running from now on. */
  async start(component: Component): Promise<void> {
    const supervised: Supervised = { component, child: undefined, starting: undefined, restarts: 0, startedAt: 0 };
    this.#supervised.push(supervised);
    await this.#run(supervised);
  }

  /** Stops everything in reverse order; nothing is started again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#restarting;
    for (const supervised of this.#supervised.toReversed()) {
      if (supervised.child) await stopProcess(supervised.child, supervised.component.stopSignal, supervised.component.stopWithin);
      supervised.child = undefined;
      this.#report();
    }
  }

  async #run(supervised: Supervised): Promise<void> {
    const child = await this.#startChild(supervised);
    supervised.child = child;
    supervised.startedAt = performance.now();
    child.once('exit', (code, signal) => this.#afterExit(supervised, signal ?? `code ${String(code)}`));
    if (child.exitCode !== null || child.signalCode !== null) this.#afterExit(supervised, 'at once');
    this.#report();
  }

  async #startChild(supervised: Supervised): Promise<ChildProcess> {
    try {
      return await supervised.component.start((child) => {
        supervised.starting = child;
        this.#report();
      });
    } finally {
      supervised.starting = undefined;
    }
  }

  #afterExit(supervised: Supervised, how: string): void {
    if (this.#stopping || supervised.child === undefined) return;
    supervised.child = undefined;
    if (performance.now() - supervised.startedAt > STABLE_AFTER) supervised.restarts = 0;
    this.#report();
    this.#events.say(`${supervised.component.name} ended (${how}); starting it again`);
    const restart = this.#restart(supervised);
    this.#restarting = Promise.all([this.#restarting, restart]);
  }

  async #restart(supervised: Supervised): Promise<void> {
    while (this.#isWanted(supervised)) {
      const pause = Math.min(FIRST_PAUSE * 2 ** supervised.restarts, LONGEST_PAUSE);
      supervised.restarts += 1;
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (!this.#isWanted(supervised)) return;
      try {
        await this.#run(supervised);
        this.#events.say(`${supervised.component.name} works again`);
      } catch (error) {
        this.#events.say(`${supervised.component.name} did not start: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  #isWanted(supervised: Supervised): boolean {
    return !this.#stopping && supervised.child === undefined;
  }

  #report(): void {
    this.#events.changed(
      this.#supervised.map(({ component, child, starting, restarts }) => ({
        name: component.name,
        process: identityOf(child ?? starting),
        stopSignal: component.stopSignal,
        port: component.port,
        otherPorts: component.otherPorts ?? {},
        log: component.log,
        restarts,
      })),
    );
  }
}
