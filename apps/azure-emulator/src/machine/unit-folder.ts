/** The units of one machine on its disk: reading them, and which of them start at boot. */
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Accounts } from './accounts';
import type { MachineFiles } from './machine-files';
import type { MachineRecord } from './machine.types';
import { parseServiceUnit, type ServiceUnit } from './unit-file';

const UNIT_FOLDER = '/etc/systemd/system';
const TARGET = 'multi-user.target';
const ENABLED_FOLDER = `${UNIT_FOLDER}/${TARGET}.wants`;

/** `/etc/systemd/system` of a machine. */
export class UnitFolder {
  readonly #files: MachineFiles;
  readonly #record: MachineRecord;

  constructor(files: MachineFiles, record: MachineRecord) {
    this.#files = files;
    this.#record = record;
  }

  /** Reads a unit as it is on the disk now. Throws with a sentence when it is missing or cannot be obeyed. */
  load(name: string): ServiceUnit {
    const path = `${UNIT_FOLDER}/${basename(name)}`;
    if (!name.endsWith('.service') || !this.#files.exists(path)) throw new Error(`Unit ${name} could not be found.`);
    if (this.#files.exists(`${path}.d`)) throw new Error(`${name}: drop-in folders are not read by the emulated machine.`);
    const unit = parseServiceUnit(name, readFileSync(this.#files.map(path), 'utf8'));
    if (!Accounts.exists(unit.user, [...this.#record.accounts, this.#record.description.adminUsername])) {
      throw new Error(`${name}: User=${unit.user} does not exist on the machine; let cloud-config make it under "users".`);
    }
    return unit;
  }

  /** Makes the service start at every boot. A unit without `WantedBy=multi-user.target` has nothing to enable. */
  enable(name: string): void {
    if (!this.load(name).wantedBy.includes(TARGET)) {
      throw new Error(`${name}: only [Install] WantedBy=${TARGET} can be enabled on the emulated machine.`);
    }
    const link = join(this.#files.makeFolder(ENABLED_FOLDER, undefined, 0o755), name);
    if (!lstatSync(link, { throwIfNoEntry: false })) symlinkSync(`../${name}`, link);
  }

  disable(name: string): void {
    rmSync(join(this.#files.map(ENABLED_FOLDER), name), { force: true });
  }

  /** Names of the units that start at boot. */
  enabled(): string[] {
    const folder = this.#files.map(ENABLED_FOLDER);
    return existsSync(folder) ? readdirSync(folder) : [];
  }
}
