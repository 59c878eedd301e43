/** Whether a service whose main process ended is started again: systemd.service(5), `Restart=` and the start limit. */
import type { ProcessExit } from './service-process';
import type { ServiceUnit } from './unit-file';

/** These signals end a service cleanly. */
const CLEAN_SIGNALS: readonly (NodeJS.Signals | null)[] = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE'];
const REMEMBERED_STARTS = 100;

export type RestartDecision = 'restart' | 'finished' | 'failed' | 'tooOften';

/** Remembers starts of one machine's services; the host's monotonic clock decides what is too often. */
export class RestartPolicy {
  readonly #starts = new Map<string, number[]>();

  recordStart(name: string): void {
    this.#starts.set(name, [...(this.#starts.get(name) ?? []), performance.now()].slice(-REMEMBERED_STARTS));
  }

  /** `exit` is undefined when nobody saw the end: that counts as a failure. */
  decide(unit: ServiceUnit, exit: ProcessExit | undefined): RestartDecision {
    const isClean = exit !== undefined && (exit.code === 0 || CLEAN_SIGNALS.includes(exit.signal));
    const isWanted = unit.restart === 'always' || (unit.restart === 'on-failure' && !isClean);
    if (!isWanted) return isClean ? 'finished' : 'failed';
    return this.#startsTooOften(unit) ? 'tooOften' : 'restart';
  }

  #startsTooOften({ name, startLimit }: ServiceUnit): boolean {
    if (!startLimit) return false;
    const since = performance.now() - startLimit.intervalMs;
    return (this.#starts.get(name) ?? []).filter((time) => time > since).length >= startLimit.burst;
  }
}
