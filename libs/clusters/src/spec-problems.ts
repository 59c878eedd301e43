import type { ErrorDetail } from '@managed-consul/errors';
import { LIMITS, type ClusterDraft } from './cluster-spec';
import { WEEKDAYS } from './maintenance-window';
import { isPrivate, parseNetworkRange } from './network-range';
import { tagProblems } from './tag-problems';
import { findVmSize, VM_SIZES } from './vm-sizes';

const CLUSTER_NAME = /^[A-Za-z](?:[A-Za-z0-9-]{1,22})[A-Za-z0-9]$/;
const DATACENTER = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const EMAIL = /^[^\s@"(),:;<>[\\\]]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$/;

const problem = (code: string, target: string, message: string): ErrorDetail => ({ code, target, message });

function nameProblems({ name, datacenter }: ClusterDraft): ErrorDetail[] {
  const problems: ErrorDetail[] = [];
  if (name !== undefined && !CLUSTER_NAME.test(name)) {
    problems.push(
      problem(
        'InvalidName',
        'name',
        'Use 3 to 24 letters, digits and hyphens for the name; begin with a letter and end with a letter or digit.',
      ),
    );
  }
  // A datacenter that only follows from a bad name is not a second mistake of the caller.
  const followsFromName = datacenter === name?.toLowerCase();
  if (datacenter !== undefined && !DATACENTER.test(datacenter) && !(followsFromName && problems.length > 0)) {
    problems.push(
      problem(
        'InvalidDatacenter',
        'datacenter',
        'Use 1 to 32 lower-case letters, digits and hyphens for the datacenter; begin and end with a letter or digit.',
      ),
    );
  }
  return problems;
}

function serverProblems({ servers, vmSize }: ClusterDraft): ErrorDetail[] {
  const problems: ErrorDetail[] = [];
  if (servers !== undefined && !LIMITS.servers.some((allowed) => allowed === servers)) {
    problems.push(
      problem('UnsupportedServerCount', 'servers', 'Choose 1, 3 or 5 servers: a majority has to survive the loss of one.'),
    );
  }
  if (vmSize === undefined) return problems;
  const size = findVmSize(vmSize);
  if (!size) {
    const offered = VM_SIZES.map((candidate) => candidate.name).join(', ');
    problems.push(problem('UnknownVmSize', 'vmSize', `Choose one of these machine sizes: ${offered}.`));
  } else if (size.burstable && servers !== undefined && servers > 1) {
    problems.push(
      problem(
        'VmSizeTooSmall',
        'vmSize',
        `${size.name} slows down when it is busy and is offered for 1 server only; choose Standard_D2s_v3 or larger.`,
      ),
    );
  }
  return problems;
}

function networkProblems({ networkCidr }: ClusterDraft): ErrorDetail[] {
  if (networkCidr === undefined) return [];
  const range = parseNetworkRange(networkCidr);
  const { widest, narrowest } = LIMITS.networkPrefix;
  if (!range) {
    const message = 'Write the address range in CIDR form with no bits set behind the prefix, for example 172.25.16.0/24.';
    return [problem('InvalidNetworkRange', 'networkCidr', message)];
  }
  if (!isPrivate(range)) {
    const message = 'Choose an address range inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16.';
    return [problem('NetworkRangeNotPrivate', 'networkCidr', message)];
  }
  if (range.prefixLength < widest || range.prefixLength > narrowest) {
    return [problem('NetworkRangeSize', 'networkCidr', `Choose a prefix from /${widest} to /${narrowest}.`)];
  }
  return [];
}

function snapshotProblems({
  snapshotIntervalSeconds: interval,
  snapshotRetentionSeconds: retention,
  snapshotRetentionCount: count,
}: ClusterDraft): ErrorDetail[] {
  const problems: ErrorDetail[] = [];
  for (const [target, value] of Object.entries({ snapshotIntervalSeconds: interval, snapshotRetentionSeconds: retention })) {
    const { min, max } = LIMITS[target as 'snapshotIntervalSeconds' | 'snapshotRetentionSeconds'];
    if (value === undefined || (value >= min && value <= max)) continue;
    problems.push(problem('OutOfRange', target, `Choose ${min} to ${max} seconds.`));
  }
  if (problems.length === 0 && interval !== undefined && retention !== undefined && retention < interval) {
    const message = 'Keep snapshots at least as long as the time between two of them, or there would be moments without any.';
    problems.push(problem('RetentionShorterThanInterval', 'snapshotRetentionSeconds', message));
  }
  const { min, max } = LIMITS.snapshotRetentionCount;
  if (count !== undefined && (count < min || count > max)) {
    problems.push(problem('OutOfRange', 'snapshotRetentionCount', `Choose ${min} to ${max} snapshots.`));
  }
  return problems;
}

/** Whether a text is a day of the calendar: 2026-02-30 has the form of one and is none. */
const isDay = (text: string): boolean => {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  return day !== undefined && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
};

function blackoutProblems({ blackoutDates = [] }: ClusterDraft): ErrorDetail[] {
  const problems = blackoutDates.flatMap((text, index) =>
    isDay(text) ? [] : [problem('InvalidDate', `blackoutDates.${index}`, 'Give a day of the calendar as YYYY-MM-DD.')],
  );
  if (blackoutDates.length <= LIMITS.blackoutDates) return problems;
  const message = `Give at most ${LIMITS.blackoutDates} days; leave out those that have passed.`;
  return [...problems, problem('TooManyDates', 'blackoutDates', message)];
}

function windowProblems({ maintenanceWindow, upgradePolicy }: ClusterDraft): ErrorDetail[] {
  if (!maintenanceWindow) {
    if (upgradePolicy !== 'Automatic') return [];
    const message = 'Say in which hour of the week automatic upgrades may begin, or leave upgradePolicy at Manual.';
    return [problem('MaintenanceWindowMissing', 'maintenanceWindow', message)];
  }
  const problems: ErrorDetail[] = [];
  if (!WEEKDAYS.includes(maintenanceWindow.weekday)) {
    problems.push(problem('InvalidWeekday', 'maintenanceWindow.weekday', `Choose one of ${WEEKDAYS.join(', ')}.`));
  }
  if (!Number.isInteger(maintenanceWindow.hour) || maintenanceWindow.hour < 0 || maintenanceWindow.hour > 23) {
    problems.push(problem('OutOfRange', 'maintenanceWindow.hour', 'Choose an hour from 0 to 23, in UTC.'));
  }
  return problems;
}

/** Whether an email address can be one. */
export function emailProblems(email: string | undefined): ErrorDetail[] {
  if (email === undefined || (email.length <= LIMITS.emailLength && EMAIL.test(email))) return [];
  return [problem('InvalidEmail', 'email', 'Give an email address that notices about the cluster can be sent to.')];
}

/** Every problem of what says when the service works on a cluster by itself. */
export const findScheduleProblems = (draft: ClusterDraft): ErrorDetail[] => [
  ...snapshotProblems(draft),
  ...windowProblems(draft),
  ...blackoutProblems(draft),
];

/** Every problem that a spec has by itself, without looking at what exists. */
export const findSpecProblems = (draft: ClusterDraft): ErrorDetail[] => [
  ...nameProblems(draft),
  ...serverProblems(draft),
  ...networkProblems(draft),
  ...findScheduleProblems(draft),
  ...emailProblems(draft.email),
  ...tagProblems(draft.tags),
];
