import { hours, type Milliseconds } from '@managed-consul/config';
import type { ObservedCondition } from '../conditions';

const DAY = hours(24);
const day = (moment: Date): string => moment.toISOString().slice(0, 10);

/** Reference `consul.md` C13: certificates that end within 30 days are a warning. */
const EXPIRES_SOON: Milliseconds = 30 * DAY;

/** From when the cluster's certificates in force end. */
export function certificatesCondition(notAfter: readonly Date[], now: Date): ObservedCondition {
  const type = 'CertificatesValid';
  const first = [...notAfter].sort((one, other) => one.getTime() - other.getTime())[0];
  if (!first) return { type, status: 'Unknown', reason: 'NoCertificates', message: 'No certificate is recorded.' };
  const left = first.getTime() - now.getTime();
  if (left <= 0) return { type, status: 'False', reason: 'Expired', message: `A certificate has ended on ${day(first)}.` };
  if (left < EXPIRES_SOON) {
    const message = `A certificate ends on ${day(first)}. The service renews it, or rotate it yourself.`;
    return { type, status: 'True', reason: 'ExpiresSoon', message };
  }
  return { type, status: 'True', reason: 'InForce', message: `The next certificate to end does so on ${day(first)}.` };
}

/** From when the last good snapshot was verified. A snapshot is late at twice the interval (`consul.md` C13). */
export function backupCondition(
  { lastSnapshotAt, readyAt, interval }: { lastSnapshotAt: Date | undefined; readyAt: Date; interval: Milliseconds },
  now: Date,
): ObservedCondition {
  const type = 'BackedUp';
  const since = lastSnapshotAt ?? readyAt;
  const isLate = now.getTime() - since.getTime() > 2 * interval;
  if (!lastSnapshotAt) {
    const message = 'No snapshot has been taken yet.';
    return { type, status: isLate ? 'False' : 'Unknown', reason: isLate ? 'SnapshotOverdue' : 'NoSnapshotYet', message };
  }
  const at = lastSnapshotAt.toISOString();
  return isLate
    ? { type, status: 'False', reason: 'SnapshotOverdue', message: `The last good snapshot is of ${at}; a newer one is overdue.` }
    : { type, status: 'True', reason: 'SnapshotRecent', message: `The last good snapshot is of ${at}.` };
}

/** From the versions that the servers say they run. `newer` is a better version that the service could install. */
export function versionCondition(versions: {
  wanted: string;
  running: readonly string[];
  blockedReason: string | undefined;
  newer: string | undefined;
}): ObservedCondition {
  const type = 'UpToDate';
  const { wanted, running, blockedReason, newer } = versions;
  const others = [...new Set(running)].filter((version) => version !== wanted);
  if (running.length === 0) return { type, status: 'Unknown', reason: 'NotReachable', message: 'No server tells its version.' };
  if (others.length > 0) {
    const message = `Some servers run Consul ${others.join(' and ')}, and ${wanted} was asked for. Ask for the upgrade again.`;
    return { type, status: 'False', reason: 'ServersDiffer', message };
  }
  if (blockedReason !== undefined) {
    const message = `Consul ${wanted} must not be used any more: ${blockedReason}`;
    return { type, status: 'False', reason: 'VersionBlocked', message };
  }
  if (newer) return { type, status: 'False', reason: 'NewerVersion', message: `Consul ${newer} is recommended; ${wanted} runs.` };
  return { type, status: 'True', reason: 'Newest', message: `Every server runs Consul ${wanted}.` };
}
