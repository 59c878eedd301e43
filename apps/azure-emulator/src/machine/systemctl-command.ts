/** The only commands that a machine runs from cloud-config: those of systemctl that start and stop what it wrote. */

const VERBS = ['daemon-reload', 'enable', 'start', 'restart', 'stop', 'disable'] as const;
const HARMLESS_OPTIONS = ['--no-block', '--quiet', '-q'];

export interface SystemctlCommand {
  readonly verb: (typeof VERBS)[number];
  readonly units: readonly string[];
  /** `--now`: also start what is enabled, or stop what is disabled. */
  readonly now: boolean;
}

/** The words of an entry: a list is taken as it is; a string must hold no shell syntax, because there is no shell. */
function wordsOf(entry: string | readonly string[]): readonly string[] {
  if (typeof entry !== 'string') return entry;
  if (/[|&;<>()$`\\"'*?[\]#~{}\n]/.test(entry.trim())) {
    throw new Error(`runcmd "${entry}" uses shell syntax; an emulated machine runs only single systemctl commands.`);
  }
  return entry.trim().split(/\s+/);
}

const withSuffix = (unit: string): string => (unit.includes('.') ? unit : `${unit}.service`);

/** Reads one `runcmd` entry. Throws with a sentence for anything that an emulated machine does not run. */
export function parseSystemctl(entry: string | readonly string[]): SystemctlCommand {
  const words = wordsOf(entry);
  const shown = words.join(' ');
  const [program, ...rest] = words;
  if (program === undefined || !['systemctl', '/bin/systemctl', '/usr/bin/systemctl'].includes(program)) {
    throw new Error(`runcmd "${shown}" is not a systemctl command; an emulated machine runs no other.`);
  }
  const options = rest.filter((word) => word.startsWith('-'));
  const [verb, ...units] = rest.filter((word) => !word.startsWith('-'));
  const unknown = options.find((option) => option !== '--now' && !HARMLESS_OPTIONS.includes(option));
  if (unknown !== undefined) throw new Error(`runcmd "${shown}": the option ${unknown} is not known to the emulated machine.`);
  const known = VERBS.find((name) => name === verb);
  if (!known) throw new Error(`runcmd "${shown}": the emulated machine knows only systemctl ${VERBS.join(', ')}.`);
  if ((known === 'daemon-reload') !== (units.length === 0)) {
    throw new Error(`runcmd "${shown}": ${known} ${units.length === 0 ? 'needs the name of a unit' : 'takes no unit'}.`);
  }
  const now = options.includes('--now');
  if (now && known !== 'enable' && known !== 'disable')
    throw new Error(`runcmd "${shown}": --now belongs to enable and disable.`);
  return { verb: known, units: units.map(withSuffix), now };
}
