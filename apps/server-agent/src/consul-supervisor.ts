import type { AgentHealth, DesiredState, ReportedProblem, ReportedState } from '@managed-consul/agent-protocol';
import { seconds, type Clock, type Milliseconds } from '@managed-consul/config';
import { ApplyError } from './apply-error';
import { Backoff } from './backoff';
import { addressOf, type ConsulAddress } from './consul-configuration';
import { CONSUL_PATHS, type ConsulFolder } from './consul-folder';
import { rotateLog } from './consul-log';
import type { ConsulProcess } from './consul-process';
import type { DesiredStateApplier } from './desired-state-applier';
import type { Log } from './log';
import type { StateFile } from './state-file';
import { TaskFailedError } from './task-error';

export interface ConsulSupervisorOptions {
  folder: ConsulFolder;
  files: StateFile;
  process: ConsulProcess;
  applier: DesiredStateApplier;
  clock: Clock;
  log: Log;
  /** Called whenever the reported state has changed. */
  onChange: () => void;
  /** How often Consul is looked at (default 1 s). */
  lookInterval?: Milliseconds;
}

/** Brings Consul to the newest desired state, one at a time, and keeps it there. */
export class ConsulSupervisor {
  readonly #options: ConsulSupervisorOptions;
  readonly #restartBackoff = new Backoff(seconds(1), seconds(30));
  #desired: DesiredState | undefined;
  #next: DesiredState | undefined;
  #appliedHash: string | null = null;
  #phase: ReportedState['phase'] = 'idle';
  #problem: ReportedProblem | undefined;
  #unplannedRestarts = 0;
  #restartNotBefore = 0;
  #applying: { work: Promise<void>; abort: AbortController } | undefined;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wasRunning: boolean | undefined;

  constructor(options: ConsulSupervisorOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier run of the agent left: a running Consul is left alone, an unfinished change is finished. */
  async start(): Promise<void> {
    const { files, folder } = this.#options;
    await folder.prepare();
    this.#desired = await files.readDesired();
    this.#appliedHash = (await files.readAppliedHash()) ?? null;
    if (this.#desired && this.#desired.hash === this.#appliedHash) this.#phase = 'applied';
    else if (this.#desired) this.#begin(this.#desired);
    this.#timer = setInterval(() => this.#look(), this.#options.lookInterval ?? seconds(1));
  }

  /** Stops looking after Consul; Consul itself runs on. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#next = undefined;
    this.#applying?.abort.abort(new Error('The agent stops.'));
    await this.#applying?.work;
    await this.#looking;
  }

  /** Takes a new desired state. It is on disk when this returns; a newer one takes the place of one that waits. */
  async request(desired: DesiredState): Promise<void> {
    const inForce = desired.hash === this.#appliedHash && desired.hash === this.#desired?.hash && this.#phase === 'applied';
    const underWay = desired.hash === this.#desired?.hash && this.#phase === 'applying';
    if (inForce || underWay) return;
    await this.#options.files.writeDesired(desired);
    this.#desired = desired;
    this.#begin(desired);
  }

  async state(): Promise<ReportedState> {
    const { process, folder } = this.#options;
    // Before Consul is looked for: a state that came into force during the look would be told with a Consul that did not run yet.
    const progress = {
      appliedHash: this.#appliedHash,
      desiredHash: this.#desired?.hash ?? null,
      phase: this.#phase,
      ...(this.#phase === 'failed' && this.#problem ? { error: this.#problem } : {}),
    };
    const [consul, nodeId] = await Promise.all([process.find(), folder.readNodeId()]);
    const known = nodeId === undefined ? {} : { nodeId };
    return {
      ...progress,
      consul: consul
        ? { running: true, pid: consul.pid, version: consul.version, startedAt: consul.startedAt, ...known }
        : { running: false, ...known },
    };
  }

  async health(): Promise<Pick<AgentHealth, 'consul' | 'lastError'>> {
    const consul = await this.#options.process.find();
    const uptimeSeconds = consul
      ? Math.max(0, (this.#options.clock.now().getTime() - Date.parse(consul.startedAt)) / 1000)
      : undefined;
    return {
      consul: {
        running: consul !== undefined,
        ...(consul ? { pid: consul.pid, version: consul.version, uptimeSeconds: uptimeSeconds ?? 0 } : {}),
        unplannedRestarts: this.#unplannedRestarts,
      },
      ...(this.#problem ? { lastError: this.#problem } : {}),
    };
  }

  /** The name of the datacenter; undefined as long as no desired state says so. */
  datacenter(): string | undefined {
    return this.#desired?.datacenter;
  }

  /** Stops Consul, does the work and starts it as it was; nothing else touches Consul meanwhile. Throws `TaskFailedError` when that cannot be now. */
  async restartAfter(work: () => Promise<void>): Promise<void> {
    await this.#looking;
    const launch = await this.#options.files.readLaunch();
    if (this.#looking || this.#applying || this.#next)
      throw new TaskFailedError('ApplyInProgress', 'A desired state is just being applied.', { mayPass: true });
    if (!launch?.running) throw new TaskFailedError('ConsulStopped', 'Consul is not to run on this machine.', { mayPass: false });
    const { process, applier } = this.#options;
    const restart = async () => {
      await process.stop();
      try {
        await work();
      } finally {
        await applier.startAgain(launch);
      }
    };
    const restarted = restart();
    this.#looking = restarted.catch(() => undefined).finally(() => (this.#looking = undefined));
    await restarted;
  }

  /** Where Consul listens; undefined as long as no desired state says so. */
  address(): ConsulAddress | undefined {
    return this.#desired && addressOf(this.#desired);
  }

  #begin(desired: DesiredState): void {
    this.#phase = 'applying';
    this.#next = desired;
    if (this.#applying) this.#applying.abort.abort(new Error('A newer desired state has come.'));
    else void this.#applyAll();
    this.#options.onChange();
  }

  async #applyAll(): Promise<void> {
    await this.#looking;
    while (this.#next && !this.#applying) {
      const desired = this.#next;
      this.#next = undefined;
      const abort = new AbortController();
      this.#applying = { abort, work: this.#apply(desired, abort.signal) };
      await this.#applying.work;
      this.#applying = undefined;
    }
  }

  async #apply(desired: DesiredState, signal: AbortSignal): Promise<void> {
    const { applier, files, log } = this.#options;
    try {
      await applier.apply(desired, signal);
      await files.writeAppliedHash(desired.hash);
      this.#appliedHash = desired.hash;
      if (this.#next) return;
      this.#phase = 'applied';
      this.#restartBackoff.reset();
      log.info({ hash: desired.hash }, 'The desired state is in force');
    } catch (error) {
      if (signal.aborted) return;
      this.#phase = 'failed';
      this.#noteProblem(error);
      log.error({ error, hash: desired.hash }, 'The desired state could not be applied');
    }
    this.#options.onChange();
  }

  /** One look at Consul at a time, and none while a change is being applied. */
  #look(): void {
    if (this.#looking || this.#applying || this.#next) return;
    this.#looking = this.#lookOnce()
      .catch((error: unknown) => {
        this.#noteProblem(error);
        this.#options.log.error({ error }, 'Consul could not be looked after');
      })
      .finally(() => (this.#looking = undefined));
  }

  async #lookOnce(): Promise<void> {
    const { process, files, applier, folder, log, onChange } = this.#options;
    await rotateLog(folder.at(CONSUL_PATHS.log));
    const running = (await process.find()) !== undefined;
    if (this.#wasRunning !== undefined && running !== this.#wasRunning) onChange();
    this.#wasRunning = running;
    const launch = await files.readLaunch();
    if (running || !launch?.running || Date.now() < this.#restartNotBefore) return;
    this.#restartNotBefore = Date.now() + this.#restartBackoff.next();
    log.warn({}, 'Consul has ended and is started again');
    await applier.startAgain(launch);
    this.#unplannedRestarts += 1;
    this.#wasRunning = true;
    onChange();
  }

  #noteProblem(error: unknown): void {
    const known =
      error instanceof ApplyError
        ? error
        : new ApplyError('Unexpected', 'Something unexpected went wrong; the agent log says what.', error);
    this.#problem = { code: known.code, message: known.message, at: this.#options.clock.now().toISOString() };
  }
}
