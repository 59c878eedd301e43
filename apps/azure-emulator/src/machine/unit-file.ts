/**
 * Reads a systemd service unit. Directives fall in three kinds: those that the emulated machine obeys, those that it may
 * leave out because nothing that runs in it can tell (recorded), and all others, which are errors: a service must not
 * behave differently here without anyone knowing.
 */

export interface ServiceUnit {
  readonly name: string;
  readonly execStart: string;
  readonly user: string;
  /** `NAME=value` lines as written, in order; later ones win. */
  readonly environment: readonly string[];
  readonly environmentFiles: readonly string[];
  readonly workingDirectory: string | undefined;
  readonly directories: readonly UnitDirectory[];
  readonly killMode: 'control-group' | 'process' | 'mixed';
  readonly killSignal: NodeJS.Signals;
  readonly restart: 'no' | 'always' | 'on-failure';
  readonly restartDelayMs: number;
  readonly stopTimeoutMs: number;
  /** undefined: as many starts as it likes. */
  readonly startLimit: { readonly burst: number; readonly intervalMs: number } | undefined;
  readonly mask: number;
  readonly wantedBy: readonly string[];
  /** Directives that were read and not obeyed. */
  readonly recorded: readonly string[];
}

/** A folder that systemd makes for the service and names to it in a variable. */
export interface UnitDirectory {
  readonly variable: string;
  readonly paths: readonly string[];
  readonly mode: number;
  /** Configuration stays root's, everything else is the service's own. */
  readonly ownedByService: boolean;
  readonly removedOnStop: boolean;
}

/** systemd.exec(5): where each kind of directory lies, and which variable names it. */
const DIRECTORY_KINDS = [
  { key: 'RuntimeDirectory', base: '/run', variable: 'RUNTIME_DIRECTORY', ownedByService: true, removedOnStop: true },
  { key: 'StateDirectory', base: '/var/lib', variable: 'STATE_DIRECTORY', ownedByService: true, removedOnStop: false },
  { key: 'CacheDirectory', base: '/var/cache', variable: 'CACHE_DIRECTORY', ownedByService: true, removedOnStop: false },
  { key: 'LogsDirectory', base: '/var/log', variable: 'LOGS_DIRECTORY', ownedByService: true, removedOnStop: false },
  {
    key: 'ConfigurationDirectory',
    base: '/etc',
    variable: 'CONFIGURATION_DIRECTORY',
    ownedByService: false,
    removedOnStop: false,
  },
] as const;

const OBEYED: Readonly<Record<string, readonly string[]>> = {
  Unit: ['StartLimitIntervalSec', 'StartLimitBurst'],
  Service: [
    'Type',
    'ExecStart',
    'User',
    'Environment',
    'EnvironmentFile',
    'WorkingDirectory',
    'KillMode',
    'KillSignal',
    'Restart',
    'RestartSec',
    'TimeoutStopSec',
    'UMask',
    ...DIRECTORY_KINDS.flatMap(({ key }) => [key, `${key}Mode`]),
  ],
  Install: ['WantedBy'],
};

/** Sandboxing, limits, order among units and descriptions: none changes what a well-behaved service does here. */
const RECORDED: Readonly<Record<string, RegExp>> = {
  Unit: /^(Description|Documentation|After|Before|Wants|Requires)$/,
  Service:
    /^(Group|Limit[A-Z]+|NoNewPrivileges|Protect\w+|Private\w+|Restrict\w+|SystemCall\w+|CapabilityBoundingSet|AmbientCapabilities|LockPersonality|MemoryDenyWriteExecute|(ReadWrite|ReadOnly|Inaccessible)Paths|OOMScoreAdjust|Nice|SyslogIdentifier|StandardOutput|StandardError|TimeoutStartSec|RemoveIPC|TasksMax|Memory(Max|High)|CPU(Weight|Quota))$/,
  Install: /^(Alias|RequiredBy)$/,
};

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGKILL'];

interface Directive {
  readonly section: string;
  readonly key: string;
  readonly value: string;
}

function readDirectives(name: string, text: string): Directive[] {
  const directives: Directive[] = [];
  let section = '';
  for (const line of text.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith(';')) continue;
    const header = /^\[(\w+)\]$/.exec(trimmed)?.[1];
    const assignment = /^(\w+)\s*=\s*(.*)$/.exec(trimmed);
    if (header !== undefined) section = header;
    else if (assignment?.[1] !== undefined) directives.push({ section, key: assignment[1], value: assignment[2] ?? '' });
    else throw new Error(`${name}: "${trimmed}" is neither a section nor an assignment.`);
  }
  return directives;
}

const TIME_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  '': 1000,
  s: 1000,
  sec: 1000,
  min: 60_000,
  m: 60_000,
  h: 3_600_000,
};

/** A length of time as systemd.time(7) writes it (`5`, `500ms`, `1min 30s`, `infinity`), in milliseconds. */
export function parseTimeSpan(text: string): number {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]*)\s*/g)];
  const units = parts.map((part) => TIME_UNITS[part[2] ?? '']);
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text || units.includes(undefined)) {
    throw new Error(`"${text}" is not a length of time.`);
  }
  return parts.reduce((sum, part, index) => sum + Number(part[1]) * (units[index] ?? 0), 0);
}

/** The values of one unit, with the rules of how assignments add up. */
class Values {
  readonly #directives: readonly Directive[];
  readonly #name: string;

  constructor(name: string, directives: readonly Directive[]) {
    this.#name = name;
    this.#directives = directives;
  }

  /** All values of a list directive; an empty assignment clears what came before. */
  list(section: string, key: string): string[] {
    return this.#directives
      .filter((entry) => entry.section === section && entry.key === key)
      .reduce<string[]>((values, { value }) => (value === '' ? [] : [...values, value]), []);
  }

  last(section: string, key: string): string | undefined {
    return this.list(section, key).at(-1);
  }

  choice<Option extends string>(key: string, options: readonly Option[], fallback: Option): Option {
    const value = this.last('Service', key);
    if (value === undefined) return fallback;
    const found = options.find((option) => option === value);
    if (found === undefined)
      throw new Error(`${this.#name}: ${key}=${value} is not run by the emulated machine (${options.join(', ')} are).`);
    return found;
  }

  octal(key: string, fallback: number): number {
    const value = this.last('Service', key);
    if (value === undefined) return fallback;
    if (!/^[0-7]{3,4}$/.test(value)) throw new Error(`${this.#name}: ${key}=${value} is not an octal mode.`);
    return Number.parseInt(value, 8);
  }

  span(section: string, key: string, fallbackMs: number): number {
    const value = this.last(section, key);
    return value === undefined ? fallbackMs : parseTimeSpan(value);
  }
}

function readDirectories(name: string, values: Values): UnitDirectory[] {
  return DIRECTORY_KINDS.flatMap(({ key, base, variable, ownedByService, removedOnStop }) => {
    const names = values.list('Service', key).flatMap((value) => value.split(/\s+/));
    if (names.length === 0) return [];
    const wrong = names.find((entry) => entry.startsWith('/') || entry.includes(':') || entry.split('/').includes('..'));
    if (wrong !== undefined) throw new Error(`${name}: ${key}=${wrong} must be a relative path without a link.`);
    const mode = values.octal(`${key}Mode`, 0o755);
    return [{ variable, paths: names.map((entry) => `${base}/${entry}`), mode, ownedByService, removedOnStop }];
  });
}

function readStartLimit(values: Values): ServiceUnit['startLimit'] {
  const intervalMs = values.span('Unit', 'StartLimitIntervalSec', 10_000);
  return intervalMs === 0 ? undefined : { burst: Number(values.last('Unit', 'StartLimitBurst') ?? 5), intervalMs };
}

function refuseUnknown(name: string, directives: readonly Directive[]): void {
  const unknown = directives.filter(
    ({ section, key }) => !section.startsWith('X-') && !OBEYED[section]?.includes(key) && !RECORDED[section]?.test(key),
  );
  if (unknown.length === 0) return;
  const shown = unknown.map(({ section, key }) => `[${section}] ${key}=`).join(', ');
  throw new Error(`${name}: the emulated machine does not know ${shown}; it may change what the service does.`);
}

/** Reads the text of unit `name`. Throws with a sentence for a directive or a value that the machine would not obey. */
export function parseServiceUnit(name: string, text: string): ServiceUnit {
  const directives = readDirectives(name, text);
  refuseUnknown(name, directives);
  const values = new Values(name, directives);
  const commands = values.list('Service', 'ExecStart');
  if (commands.length !== 1) throw new Error(`${name}: exactly one ExecStart= is needed, there are ${commands.length}.`);
  values.choice('Type', ['simple', 'exec'], 'simple');
  return {
    name,
    execStart: commands[0] ?? '',
    user: values.last('Service', 'User') ?? 'root',
    environment: values.list('Service', 'Environment'),
    environmentFiles: values.list('Service', 'EnvironmentFile'),
    workingDirectory: values.last('Service', 'WorkingDirectory'),
    directories: readDirectories(name, values),
    killMode: values.choice('KillMode', ['control-group', 'process', 'mixed'], 'control-group'),
    killSignal: values.choice('KillSignal', SIGNALS, 'SIGTERM'),
    restart: values.choice('Restart', ['no', 'always', 'on-failure'], 'no'),
    restartDelayMs: values.span('Service', 'RestartSec', 100),
    stopTimeoutMs: values.span('Service', 'TimeoutStopSec', 90_000),
    startLimit: readStartLimit(values),
    mask: values.octal('UMask', 0o022),
    wantedBy: values.list('Install', 'WantedBy').flatMap((value) => value.split(/\s+/)),
    recorded: directives.filter(({ section, key }) => RECORDED[section]?.test(key)).map(({ key }) => key),
  };
}
