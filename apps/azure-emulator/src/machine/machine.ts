/** One machine: its disk, its address, its metadata service and its processes, through first boot, power and deletion. */
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '@managed-consul/observability';
import type { Accounts } from './accounts';
import { runFirstBoot } from './first-boot';
import { MachineFiles } from './machine-files';
import type { MachineStore } from './machine.store';
import type { MachineDescription, MachineRecord, MachineTokenSource } from './machine.types';
import type { MachineSubnet } from './metadata-document';
import { MetadataServer } from './metadata.server';
import type { NodeRuntime } from './node-runtime';
import { findMachineProcesses, hostBootId, identifyAll, isAlive, killUntilNone, signalProcess, waitUntil } from './process-table';
import { MachineServices } from './machine-services';

/** What all machines share. */
export interface MachineSurroundings {
  readonly store: MachineStore;
  readonly accounts: Accounts;
  readonly runtime: NodeRuntime;
  readonly tokens: MachineTokenSource;
  readonly subnet: MachineSubnet;
  readonly log: Logger;
  /** Certificates that the machine's image trusts beside the public ones: those under which Azure is emulated. */
  readonly trustedCertificatesPem: string;
}

/** A shutdown gives services this long before the power goes. */
const SHUTDOWN_LIMIT_MS = 10_000;
const TRUST_FILE = '/usr/local/share/ca-certificates/azure.crt';

/** The resource manager's handle on a machine. Its operations run one after the other. */
export class Machine {
  readonly #record: MachineRecord;
  readonly #around: MachineSurroundings;
  readonly #files: MachineFiles;
  readonly #services: MachineServices;
  #metadata: MetadataServer | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(record: MachineRecord, around: MachineSurroundings, metadata: MetadataServer | undefined) {
    this.#record = record;
    this.#around = around;
    this.#metadata = metadata;
    this.#files = new MachineFiles(around.store.rootOf(record.vmId));
    this.#services = new MachineServices({
      record,
      files: this.#files,
      accounts: around.accounts,
      runtime: around.runtime,
      journalFolder: join(around.store.folderOf(record.vmId), 'journal'),
      environment: this.#environment(),
      save: () => this.#save(),
      log: (line) => this.#console(line),
    });
  }

  /** A copy of what is known of the machine now. */
  get record(): MachineRecord {
    return structuredClone(this.#record);
  }

  /** What the machine wrote on its console: its boots, what its cloud-config did, what went wrong. */
  readConsole(): string {
    return this.#around.store.readConsole(this.#record.vmId);
  }

  /** Pids of everything that the machine started and that lives. */
  processes(): number[] {
    return findMachineProcesses(this.#record.vmId, this.#around.store.folderOf(this.#record.vmId));
  }

  /** Replaces what the machine can read about itself; custom data counts from the next reimage. */
  describe(description: MachineDescription): void {
    this.#record.description = description;
    this.#save();
  }

  /** The first boot. Never rejects for what the cloud-config does wrong: `record.provisioning` tells. Once done it is not repeated. */
  provision(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#record.provisioning.state === 'creating') await this.#firstBoot();
    });
  }

  /** Power on: what is enabled starts. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#record.power === 'running') return;
      await this.#powerOn();
    });
  }

  /** Shutdown; the machine stays where it is. `skipShutdown` pulls the plug instead. */
  powerOff(options: { skipShutdown?: boolean } = {}): Promise<void> {
    return this.#inTurn(() => this.#powerDown('stopped', options.skipShutdown ?? false));
  }

  /** Shutdown, after which Azure would no longer keep a host for the machine. Disk and address stay. */
  deallocate(): Promise<void> {
    return this.#inTurn(() => this.#powerDown('deallocated', false));
  }

  restart(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#powerDown('stopped', false);
      await this.#powerOn();
    });
  }

  /** A new disk and a first boot with the custom data of now; vmId and address stay. */
  reimage(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#kill();
      this.#record.provisioning = { state: 'creating' };
      this.#save();
      await this.#firstBoot();
    });
  }

  /** Kills everything the machine ever started, closes its address and removes its folder. */
  delete(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#kill();
      await this.#metadata?.close();
      this.#metadata = undefined;
      this.#services.release();
      this.#around.store.remove(this.#record.vmId);
    });
  }

  /** After a start of the emulator: takes over what still runs, boots what went down with the emulator or with the host. */
  resume(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#record.power !== 'running') return;
      await this.#openMetadata();
      if (this.#record.provisioning.state === 'creating') await this.#firstBoot();
      else if (this.#record.bootsWithEmulator || this.#wasCutOff()) await this.#powerOn();
      else this.#services.adopt();
    });
  }

  /** The emulator goes down and takes the machine with it; it boots again with the next emulator. */
  shutDownWithEmulator(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#record.power !== 'running') return;
      await this.#powerDown('stopped', false);
      this.#record.power = 'running';
      this.#record.bootsWithEmulator = true;
      this.#save();
    });
  }

  /** The emulator goes down, the machine goes on. */
  async release(): Promise<void> {
    this.#services.release();
    await this.#metadata?.close();
    this.#metadata = undefined;
  }

  #environment(): Record<string, string> {
    return {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'C.UTF-8',
      AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://${this.#record.address}:${this.#record.metadataPort}`,
      NODE_EXTRA_CA_CERTS: this.#files.map(TRUST_FILE),
    };
  }

  /** Whether the host itself went down since the services were started: no process of them can be left. */
  #wasCutOff(): boolean {
    return Object.values(this.#record.services).some((service) => service.process && service.process.bootId !== hostBootId());
  }

  async #firstBoot(): Promise<void> {
    const { store, accounts } = this.#around;
    // A first boot that was cut off begins again from nothing.
    await this.#kill();
    store.resetRoot(this.#record.vmId);
    this.#record.power = 'running';
    this.#record.bootsWithEmulator = false;
    this.#save();
    await this.#openMetadata();
    this.#installTrust();
    this.#console(`First boot of ${this.#record.description.computerName} at ${this.#record.address}.`);
    try {
      await runFirstBoot({
        record: this.#record,
        files: this.#files,
        accounts,
        services: this.#services,
        log: (line) => this.#console(line),
      });
      this.#record.provisioning = { state: 'succeeded', finishedAt: new Date().toISOString() };
    } catch (error) {
      const sentence = error instanceof Error ? error.message : String(error);
      this.#console(`ERROR: ${sentence}`);
      this.#record.provisioning = { state: 'failed', error: sentence, finishedAt: new Date().toISOString() };
    }
    this.#save();
  }

  async #powerOn(): Promise<void> {
    await this.#kill();
    this.#record.power = 'running';
    this.#record.bootsWithEmulator = false;
    this.#save();
    await this.#openMetadata();
    if (existsSync(this.#files.root)) this.#installTrust();
    this.#console('Boot.');
    await this.#services.boot();
  }

  async #powerDown(power: 'stopped' | 'deallocated', skipShutdown: boolean): Promise<void> {
    if (!skipShutdown && this.#record.power === 'running') {
      this.#console('Shutdown.');
      const running = identifyAll(this.processes());
      await this.#services.stopAll(SHUTDOWN_LIMIT_MS);
      for (const pid of this.processes()) signalProcess(pid, 'SIGTERM');
      await waitUntil(() => this.processes().length === 0 && !running.some(isAlive), SHUTDOWN_LIMIT_MS);
    }
    await this.#kill();
    await this.#metadata?.close();
    this.#metadata = undefined;
    this.#record.power = power;
    this.#record.bootsWithEmulator = false;
    this.#save();
  }

  async #kill(): Promise<void> {
    this.#services.forgetAll();
    await killUntilNone(() => this.processes());
  }

  async #openMetadata(): Promise<void> {
    const { address, metadataPort, description } = this.#record;
    const { subnet, tokens, log } = this.#around;
    try {
      this.#metadata ??= await MetadataServer.open(address, metadataPort, () => ({ record: this.#record, subnet, tokens, log }));
    } catch (error) {
      throw new Error(
        `The metadata service of ${description.name} cannot listen on ${address}:${metadataPort}. If another emulator runs, ` +
          'give one of them another EMULATOR_MACHINE_ADDRESS_BLOCK or stop it.',
        { cause: error },
      );
    }
  }

  #installTrust(): void {
    this.#files.makeParents(TRUST_FILE);
    const path = this.#files.map(TRUST_FILE);
    writeFileSync(path, this.#around.trustedCertificatesPem);
    chmodSync(path, 0o644);
  }

  #save(): void {
    this.#around.store.save(this.#record);
  }

  #console(line: string): void {
    this.#around.store.logToConsole(this.#record.vmId, line);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
