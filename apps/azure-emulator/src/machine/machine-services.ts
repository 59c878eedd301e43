/**
 * The systemd of one machine, as far as its services can tell: starts, watches, restarts and stops them. What should run
 * is written down before it is started, so that a later emulator finds every process and takes it over.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Accounts } from './accounts';
import type { MachineFiles } from './machine-files';
import type { MachineRecord, ServiceRecord } from './machine.types';
import type { NodeRuntime } from './node-runtime';
import {
  findMarkedProcesses,
  identifyProcess,
  isAlive,
  killUntilNone,
  MACHINE_MARKER,
  oldestProcess,
  signalProcess,
  UNIT_MARKER,
  waitUntil,
} from './process-table';
import {
  prepareDirectories,
  readEnvironment,
  removeRuntimeDirectories,
  resolveCommand,
  workingFolder,
} from './service-environment';
import { RestartPolicy } from './restart-policy';
import { startProcess, type ProcessExit } from './service-process';
import type { ServiceUnit } from './unit-file';
import { UnitFolder } from './unit-folder';

/** How often a process that an earlier emulator started is looked at: its end cannot be waited for. */
const ADOPTED_POLL_MS = 200;
/** What the machine gives to its service manager. */
export interface ServiceSurroundings {
  readonly record: MachineRecord;
  readonly files: MachineFiles;
  readonly accounts: Accounts;
  readonly runtime: NodeRuntime;
  readonly journalFolder: string;
  /** Variables that every process of the machine gets. */
  readonly environment: Readonly<Record<string, string>>;
  save(): void;
  log(line: string): void;
}

/** Runs the services of one machine. Calls for one unit must not overlap; the machine sees to that. */
export class MachineServices {
  readonly #machine: ServiceSurroundings;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #policy = new RestartPolicy();
  readonly units: UnitFolder;
  #released = false;

  constructor(machine: ServiceSurroundings) {
    this.#machine = machine;
    this.units = new UnitFolder(machine.files, machine.record);
  }

  /** Starts the service; one that runs already is left alone. Rejects with a sentence when it cannot be started. */
  async start(name: string): Promise<void> {
    const service = this.#service(name);
    if (service.process && isAlive(service.process)) return;
    this.#cancelRestart(name);
    service.wanted = true;
    await this.#launch(this.units.load(name));
  }

  /** Stops the service as its KillMode says, `limitMs` at most and never longer than its own TimeoutStopSec. */
  async stop(name: string, limitMs = Number.POSITIVE_INFINITY): Promise<void> {
    const service = this.#service(name);
    const unit = this.units.load(name);
    this.#cancelRestart(name);
    service.wanted = false;
    this.#machine.save();
    const main = service.process;
    const isMainAlive = (): boolean => main !== undefined && isAlive(main);
    const others = (): number[] => this.#groupOf(name).filter((pid) => pid !== main?.pid);
    if (main && isMainAlive()) signalProcess(main.pid, unit.killSignal);
    if (unit.killMode === 'control-group') for (const pid of others()) signalProcess(pid, unit.killSignal);
    const isGone = (): boolean => !isMainAlive() && (unit.killMode !== 'control-group' || others().length === 0);
    await waitUntil(isGone, Math.min(unit.stopTimeoutMs, limitMs));
    await killUntilNone(() => [...(main && isMainAlive() ? [main.pid] : []), ...(unit.killMode === 'process' ? [] : others())]);
    service.process = undefined;
    // The end of that process, when it is told later, must not be taken for the end of a new start.
    service.invocationId = undefined;
    service.state = 'inactive';
    removeRuntimeDirectories(unit, this.#machine.files);
    this.#machine.save();
  }

  async restart(name: string): Promise<void> {
    await this.stop(name);
    await this.start(name);
  }

  /** Starts what is enabled. A service that cannot start is marked failed; the others start all the same. */
  async boot(): Promise<void> {
    for (const name of this.units.enabled()) await this.#startOrRecord(name);
  }

  /** Stops all services side by side, as a shutdown does. */
  async stopAll(limitMs: number): Promise<void> {
    await Promise.all(Object.keys(this.#machine.record.services).map((name) => this.stop(name, limitMs)));
  }

  /** Forgets everything that ran, without touching a process: the machine was killed whole. */
  forgetAll(): void {
    for (const name of Object.keys(this.#machine.record.services)) this.#cancelRestart(name);
    this.#machine.record.services = {};
    this.#machine.save();
  }

  /** Takes over what an earlier emulator started: living processes are watched, dead ones end as they would have. */
  adopt(): void {
    for (const [name, service] of Object.entries(this.#machine.record.services)) {
      if (!service.wanted) continue;
      const invocationId = service.invocationId ?? '';
      service.process ??= oldestProcess(
        findMarkedProcesses({ [MACHINE_MARKER]: this.#machine.record.vmId, INVOCATION_ID: invocationId }),
      );
      if (service.process && isAlive(service.process)) this.#watchAdopted(name, invocationId, service);
      else void this.#ended(name, invocationId, undefined);
    }
    this.#machine.save();
  }

  /** The emulator ends, the machine goes on: nothing is watched or restarted any more. */
  release(): void {
    this.#released = true;
    for (const name of [...this.#timers.keys()]) this.#cancelRestart(name);
  }

  #service(name: string): ServiceRecord {
    const services = this.#machine.record.services;
    services[name] ??= { wanted: false, state: 'inactive', restarts: 0 };
    return services[name];
  }

  #groupOf(name: string): number[] {
    return findMarkedProcesses({ [MACHINE_MARKER]: this.#machine.record.vmId, [UNIT_MARKER]: name });
  }

  async #launch(unit: ServiceUnit): Promise<void> {
    const { files, accounts, runtime, record } = this.#machine;
    const service = this.#service(unit.name);
    const account = accounts.resolve(unit.user);
    const nodeBinary = await runtime.pathFor(account);
    // A stop may have come while the runtime was looked for, or the emulator may be ending.
    if (!service.wanted || this.#released) return;
    const directories = prepareDirectories(unit, files, account);
    service.invocationId = randomUUID().replaceAll('-', '');
    service.process = undefined;
    this.#machine.save();
    const own = {
      USER: unit.user,
      LOGNAME: unit.user,
      HOME: files.root,
      INVOCATION_ID: service.invocationId,
      [UNIT_MARKER]: unit.name,
    };
    const environment = { ...this.#machine.environment, ...readEnvironment(unit, files), ...directories, ...own };
    const { child, exited } = await startProcess({
      ...resolveCommand(unit, files, environment, nodeBinary),
      environment: { ...environment, [MACHINE_MARKER]: record.vmId },
      folder: workingFolder(unit, files),
      account,
      mask: unit.mask,
      journalFile: join(this.#machine.journalFolder, `${unit.name}.log`),
    });
    service.process = identifyProcess(child.pid ?? 0);
    service.state = 'active';
    this.#policy.recordStart(unit.name);
    this.#machine.save();
    this.#machine.log(`Started ${unit.name} as pid ${child.pid} (user ${account.name}, uid ${account.uid ?? 'own'}).`);
    const invocationId = service.invocationId;
    void exited.then((exit) => this.#ended(unit.name, invocationId, exit));
  }

  async #startOrRecord(name: string): Promise<void> {
    try {
      await this.start(name);
    } catch (error) {
      const service = this.#service(name);
      service.wanted = false;
      service.state = 'failed';
      service.lastExit = (error as Error).message;
      this.#machine.save();
      this.#machine.log(`ERROR: ${(error as Error).message}`);
    }
  }

  #watchAdopted(name: string, invocationId: string, service: ServiceRecord): void {
    const main = service.process;
    const timer = setInterval(() => {
      if (main && isAlive(main)) return;
      this.#cancelRestart(name);
      void this.#ended(name, invocationId, undefined);
    }, ADOPTED_POLL_MS);
    this.#timers.set(name, timer);
  }

  /** The main process is gone: ends its group if the unit says so, and starts it again if it should run. */
  async #ended(name: string, invocationId: string, exit: ProcessExit | undefined): Promise<void> {
    const service = this.#machine.record.services[name];
    if (service === undefined || !this.#isCurrent(name, invocationId)) return;
    const shown = exit === undefined ? 'unseen' : exit.signal === null ? `code ${exit.code}` : `signal ${exit.signal}`;
    service.process = undefined;
    service.lastExit = shown;
    try {
      const unit = this.units.load(name);
      if (unit.killMode !== 'process') await killUntilNone(() => this.#groupOf(name));
      // Meanwhile it may have been stopped, or the whole machine deleted, whose folder must not come back.
      if (!this.#isCurrent(name, invocationId)) return;
      this.#decideRestart(unit, service, exit);
    } catch (error) {
      service.wanted = false;
      service.state = 'failed';
      this.#machine.log(`ERROR: ${(error as Error).message}`);
    }
    this.#machine.save();
    this.#machine.log(`${name} ended (${shown}); it is ${service.state}.`);
  }

  /** Whether that start is still the one that counts: not stopped, not started anew, not gone with its machine. */
  #isCurrent(name: string, invocationId: string): boolean {
    const service = this.#machine.record.services[name];
    return !this.#released && service !== undefined && service.wanted && (service.invocationId ?? '') === invocationId;
  }

  #decideRestart(unit: ServiceUnit, service: ServiceRecord, exit: ProcessExit | undefined): void {
    const decision = this.#policy.decide(unit, exit);
    if (decision !== 'restart') {
      service.wanted = false;
      service.state = decision === 'finished' ? 'inactive' : 'failed';
      if (decision === 'tooOften') this.#machine.log(`ERROR: ${unit.name}: start request repeated too quickly.`);
      return;
    }
    service.state = 'restarting';
    service.restarts += 1;
    const timer = setTimeout(() => {
      this.#timers.delete(unit.name);
      if (service.wanted) void this.#startOrRecord(unit.name);
    }, unit.restartDelayMs);
    this.#timers.set(unit.name, timer);
  }

  #cancelRestart(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}
