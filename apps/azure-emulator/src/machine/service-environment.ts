/** What a service finds when it starts: its folders, its variables, its program, all as paths of this host. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { Account } from './accounts';
import { parseAssignments, parseCommand, parseEnvironmentFile } from './command-line';
import type { MachineFiles } from './machine-files';
import { NODE_PATHS } from './node-runtime';
import type { ServiceUnit } from './unit-file';

/** Makes the folders that the unit asks for and gives the variables that name them. */
export function prepareDirectories(unit: ServiceUnit, files: MachineFiles, account: Account): Record<string, string> {
  return Object.fromEntries(
    unit.directories.map(({ variable, paths, mode, ownedByService }) => [
      variable,
      paths.map((path) => files.makeFolder(path, ownedByService ? account : undefined, mode)).join(':'),
    ]),
  );
}

/** Removes the folders that live only as long as the service runs. */
export function removeRuntimeDirectories(unit: ServiceUnit, files: MachineFiles): void {
  for (const path of unit.directories.filter((entry) => entry.removedOnStop).flatMap((entry) => entry.paths)) {
    rmSync(files.map(path), { recursive: true, force: true });
  }
}

/** Variables of `EnvironmentFile=` over those of `Environment=`, as systemd orders them; a leading `-` lets the file be missing. */
export function readEnvironment(unit: ServiceUnit, files: MachineFiles): Record<string, string> {
  const assigned = unit.environment.map((line) => parseAssignments(line, unit.name));
  const fromFiles = unit.environmentFiles.map((entry) => {
    const path = files.map(entry.replace(/^-/, ''));
    if (!existsSync(path) && entry.startsWith('-')) return {};
    if (!existsSync(path)) throw new Error(`${unit.name}: EnvironmentFile=${entry} is not on the machine.`);
    return parseEnvironmentFile(readFileSync(path, 'utf8'));
  });
  return Object.assign({}, ...assigned, ...fromFiles) as Record<string, string>;
}

/** The folder in which the service starts, as a path of this host. */
export function workingFolder(unit: ServiceUnit, files: MachineFiles): string {
  const wanted = unit.workingDirectory ?? '/';
  const mayBeMissing = wanted.startsWith('-');
  const path = files.map(wanted.replace(/^-/, ''));
  if (existsSync(path)) return path;
  if (mayBeMissing) return files.root;
  throw new Error(`${unit.name}: WorkingDirectory=${wanted} is not on the machine.`);
}

/**
 * The command of the unit with paths of this host: the program must be Node or a file of the machine, and an argument that
 * is the absolute path of something on the machine's disk becomes its place here. Other arguments stay as they are.
 */
export function resolveCommand(
  unit: ServiceUnit,
  files: MachineFiles,
  environment: Readonly<Record<string, string>>,
  nodeBinary: string,
): { program: string; parameters: string[] } {
  const [program, ...parameters] = parseCommand(unit.execStart, environment, unit.name);
  const isOnMachine = (path: string): boolean => path.startsWith('/') && files.exists(path);
  if (!NODE_PATHS.includes(program) && !isOnMachine(program)) {
    throw new Error(
      `${unit.name}: ${program} is not on the machine: it is neither Node nor written by cloud-config or a service.`,
    );
  }
  return {
    program: isOnMachine(program) ? files.map(program) : nodeBinary,
    parameters: parameters.map((parameter) => (isOnMachine(parameter) ? files.map(parameter) : parameter)),
  };
}
