/** All machines of the emulator: makes them, finds them, takes them over at start, lets them go or down at the end. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Logger } from '@managed-consul/observability';
import { Accounts } from './accounts';
import { AddressBlock } from './address-block';
import { Machine, type MachineSurroundings } from './machine';
import { MachineStore } from './machine.store';
import type { MachineDescription, MachineRecord, MachineTokenSource } from './machine.types';
import { MetadataServer, type MetadataSurroundings } from './metadata.server';
import { NodeRuntime } from './node-runtime';

export interface MachineHostOptions {
  readonly stateFolder: string;
  /** CIDR inside 127.0.0.0/8. */
  readonly addressBlock: string;
  /** 0 takes a free port for each machine, which it then keeps. */
  readonly metadataPort: number;
  readonly serviceUid: number;
  /** What new machines find on their disk; none without it. */
  readonly imageFolder?: string;
  readonly trustedCertificatesPem: string;
  readonly tokens: MachineTokenSource;
  readonly log: Logger;
}

/** An address that somebody else's listener holds is passed over: another emulator may share the block by mistake. */
const isHeldByOthers = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EADDRINUSE';

/** The hypervisor. */
export class MachineHost {
  readonly #options: MachineHostOptions;
  readonly #store: MachineStore;
  readonly #block: AddressBlock;
  readonly #around: MachineSurroundings;
  readonly #machines = new Map<string, Machine>();
  /** Addresses are given out one at a time. */
  #lastMaking: Promise<unknown> = Promise.resolve();

  constructor(options: MachineHostOptions) {
    if (!existsSync('/proc/self/stat'))
      throw new Error('Machines need Linux: their processes are followed through /proc, which is not there.');
    this.#options = options;
    this.#block = new AddressBlock(options.addressBlock);
    this.#store = new MachineStore(options.stateFolder, options.imageFolder);
    this.#around = {
      store: this.#store,
      accounts: new Accounts(options.serviceUid),
      runtime: new NodeRuntime(this.#store.folder),
      tokens: options.tokens,
      subnet: this.#block,
      log: options.log,
      trustedCertificatesPem: options.trustedCertificatesPem,
    };
  }

  /** Takes over the machines of an earlier emulator. Once, before anything else. */
  async resume(): Promise<void> {
    for (const record of this.#store.list()) this.#machines.set(record.vmId, new Machine(record, this.#around, undefined));
    await Promise.all([...this.#machines.values()].map((machine) => machine.resume()));
  }

  /** A new machine with an address and a metadata service; it boots when `provision` is called. The same `vmId` again gives the same machine. */
  make(vmId: string, description: MachineDescription): Promise<Machine> {
    const making = this.#lastMaking.then(() => this.#make(vmId, description));
    this.#lastMaking = making.catch(() => undefined);
    return making;
  }

  find(vmId: string): Machine | undefined {
    return this.#machines.get(vmId);
  }

  list(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  /** Deletes the machine with everything it started; one that is gone is no error. */
  async delete(vmId: string): Promise<void> {
    await this.#machines.get(vmId)?.delete();
    this.#machines.delete(vmId);
  }

  /** All machines go down; they boot with the next emulator. */
  async shutDown(): Promise<void> {
    await Promise.all(this.list().map((machine) => machine.shutDownWithEmulator()));
  }

  /** The emulator ends; machines run on. */
  async release(): Promise<void> {
    await Promise.all(this.list().map((machine) => machine.release()));
  }

  async #make(vmId: string, description: MachineDescription): Promise<Machine> {
    const known = this.#machines.get(vmId);
    if (known) return known;
    // The server answers only after the machine is there: nobody knows its address before.
    const made: { record?: MachineRecord } = {};
    const { server, address } = await this.#openFirstFree(() => {
      if (!made.record) throw new Error('The machine is not made yet.');
      return { ...this.#around, record: made.record };
    });
    made.record = {
      vmId,
      address,
      metadataPort: server.port,
      createdAt: new Date().toISOString(),
      description,
      power: 'running',
      bootsWithEmulator: false,
      provisioning: { state: 'creating' },
      accounts: [],
      services: {},
    };
    this.#store.save(made.record);
    this.#store.saveLastAddress(address);
    const machine = new Machine(made.record, this.#around, server);
    this.#machines.set(vmId, machine);
    return machine;
  }

  async #openFirstFree(machine: () => MetadataSurroundings): Promise<{ server: MetadataServer; address: string }> {
    const taken = new Set(this.list().map(({ record }) => record.address));
    for (const address of this.#block.candidates(this.#store.readLastAddress(), taken)) {
      try {
        return { server: await MetadataServer.open(address, this.#options.metadataPort, machine), address };
      } catch (error) {
        if (!isHeldByOthers(error)) throw error;
        this.#options.log.warn({ address }, 'machine address is held by another process, trying the next');
      }
    }
    throw new Error(`The address block ${this.#options.addressBlock} is used up: every address belongs to a machine.`);
  }
}

/** A new machine id. */
export const newVmId = (): string => randomUUID();
