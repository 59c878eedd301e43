/**
 * What the emulator remembers of machines, on disk: `machines/<vmId>/machine.json` beside the machine's own disk
 * (`root/`), its console (`console.log`) and the output of its services (`journal/`). Written whole and renamed, so that a
 * kill at any moment leaves the old text or the new one.
 */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { layImage } from './machine-image';
import type { MachineRecord } from './machine.types';

export class MachineStore {
  readonly folder: string;
  readonly #imageFolder: string | undefined;

  /** `stateFolder` is the emulator's; services of other users must be able to pass through it to their own machine. */
  constructor(stateFolder: string, imageFolder?: string) {
    this.#imageFolder = imageFolder;
    this.folder = join(stateFolder, 'machines');
    mkdirSync(this.folder, { recursive: true });
    if (process.getuid?.() === 0) for (const passed of [stateFolder, this.folder]) chmodSync(passed, 0o711);
  }

  folderOf(vmId: string): string {
    return join(this.folder, vmId);
  }

  /** The machine's disk: what it sees as `/`. */
  rootOf(vmId: string): string {
    return join(this.folderOf(vmId), 'root');
  }

  /** Every machine, oldest first. A folder without a record is a machine whose making or deleting was cut off: it is removed. */
  list(): MachineRecord[] {
    const records: MachineRecord[] = [];
    for (const entry of readdirSync(this.folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
      const file = join(this.folder, entry.name, 'machine.json');
      if (existsSync(file)) records.push(JSON.parse(readFileSync(file, 'utf8')) as MachineRecord);
      else rmSync(join(this.folder, entry.name), { recursive: true, force: true });
    }
    return records.sort((a, b) => a.createdAt.localeCompare(b.createdAt));
  }

  save(record: MachineRecord): void {
    const folder = this.folderOf(record.vmId);
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    this.#replace(join(folder, 'machine.json'), JSON.stringify(record, null, 2));
  }

  /** Removes the record first: what is left of the folder after a kill is then known to be rubbish. */
  remove(vmId: string): void {
    rmSync(join(this.folderOf(vmId), 'machine.json'), { force: true });
    rmSync(this.folderOf(vmId), { recursive: true, force: true });
  }

  /** Gives the machine the disk of a new one: empty but for what its image has. */
  resetRoot(vmId: string): void {
    rmSync(this.rootOf(vmId), { recursive: true, force: true });
    mkdirSync(this.rootOf(vmId), { recursive: true, mode: 0o755 });
    chmodSync(this.rootOf(vmId), 0o755);
    if (this.#imageFolder !== undefined) layImage(this.#imageFolder, this.rootOf(vmId));
  }

  /** Adds a line to the machine's console, which `boot diagnostics` would show on Azure. */
  logToConsole(vmId: string, line: string): void {
    appendFileSync(join(this.folderOf(vmId), 'console.log'), `${new Date().toISOString()} ${line}\n`, { mode: 0o600 });
  }

  readConsole(vmId: string): string {
    const file = join(this.folderOf(vmId), 'console.log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  readLastAddress(): string | undefined {
    const file = join(this.folder, '.last-address');
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  saveLastAddress(address: string): void {
    this.#replace(join(this.folder, '.last-address'), address);
  }

  #replace(file: string, text: string): void {
    const written = `${file}.new`;
    writeFileSync(written, text, { mode: 0o600 });
    renameSync(written, file);
  }
}
