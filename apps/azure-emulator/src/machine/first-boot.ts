/** The first boot of a machine: does what its cloud-config says, in cloud-init's order, or fails with a sentence. */
import { appendFileSync, chmodSync, chownSync, rmSync, writeFileSync } from 'node:fs';
import { Accounts } from './accounts';
import { parseCloudConfig, type FileToWrite } from './cloud-config';
import type { MachineFiles } from './machine-files';
import type { MachineRecord } from './machine.types';
import type { MachineServices } from './machine-services';
import type { SystemctlCommand } from './systemctl-command';

/** What a first boot works on. */
export interface FirstBoot {
  readonly record: MachineRecord;
  readonly files: MachineFiles;
  readonly accounts: Accounts;
  readonly services: MachineServices;
  log(line: string): void;
}

function writeFile(machine: FirstBoot, file: FileToWrite): void {
  if (!Accounts.exists(file.user, machine.record.accounts)) {
    throw new Error(
      `write_files ${file.path}: the owner ${file.user} does not exist when the file is written; ` +
        'let cloud-config make it under "users" and write the file with "defer: true".',
    );
  }
  const path = machine.files.map(file.path);
  machine.files.makeParents(file.path);
  if (file.append) appendFileSync(path, file.content);
  else {
    rmSync(path, { force: true });
    writeFileSync(path, file.content, { mode: 0o600 });
  }
  const owner = machine.accounts.resolve(file.user);
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(path, owner.uid, owner.gid);
  chmodSync(path, file.mode);
  machine.log(`Wrote ${file.path} (${file.content.length} bytes, mode ${file.mode.toString(8)}).`);
}

async function runCommand(machine: FirstBoot, command: SystemctlCommand): Promise<void> {
  const { services } = machine;
  for (const unit of command.units) {
    if (command.verb === 'enable') services.units.enable(unit);
    if (command.verb === 'disable') services.units.disable(unit);
    if (command.verb === 'start' || (command.verb === 'enable' && command.now)) await services.start(unit);
    if (command.verb === 'restart') await services.restart(unit);
    if (command.verb === 'stop' || (command.verb === 'disable' && command.now)) await services.stop(unit);
  }
  machine.log(`Ran systemctl ${[command.verb, ...command.units].join(' ')}.`);
}

/** Runs the machine's custom data. Safe to run again from the beginning. Rejects with a sentence for its author. */
export async function runFirstBoot(machine: FirstBoot): Promise<void> {
  const config = parseCloudConfig(machine.record.description.customData);
  for (const key of config.recorded) machine.log(`"${key}" is recorded only; the emulated machine does not act on it.`);
  machine.record.accounts = [];
  for (const file of config.files.filter((entry) => !entry.defer)) writeFile(machine, file);
  machine.record.accounts = [...config.accounts];
  for (const file of config.files.filter((entry) => entry.defer)) writeFile(machine, file);
  for (const command of config.commands) await runCommand(machine, command);
}
