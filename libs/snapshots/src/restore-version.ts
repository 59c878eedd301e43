import { compareVersionsDescending } from '@managed-consul/consul-versions';
import type { ErrorDetail } from '@managed-consul/errors';

/** Versions that cannot restore what they should (hashicorp/consul release notes), and the version that mends it. */
const CANNOT_RESTORE: Readonly<Record<string, string>> = { '1.13.0': '1.13.3', '1.16.0': '1.16.2', '1.16.1': '1.16.2' };

const withoutEdition = (version: string): string => version.replace(/\+.*$/, '');

/**
 * Why a snapshot cannot be restored into Consul of `target`; undefined when it can. An older Consul does not promise to read
 * what a newer one has written, and a few versions fail to restore at all. `source` is null for a snapshot that does not say.
 */
export function findRestoreProblem(source: string | null, target: string): ErrorDetail | undefined {
  const place = { target: 'consulVersion' };
  const mended = CANNOT_RESTORE[withoutEdition(target)];
  if (mended !== undefined) {
    const message = `Consul ${target} has a fault in restoring snapshots. Upgrade to ${mended} or later first.`;
    return { code: 'VersionCannotRestore', ...place, message };
  }
  // Sorted newest first: positive means that the target is older than the source.
  if (source !== null && compareVersionsDescending(withoutEdition(target), withoutEdition(source)) > 0) {
    const message = `The snapshot was taken of Consul ${source}, which Consul ${target} is too old to read. Choose ${source} or later.`;
    return { code: 'VersionTooOld', ...place, message };
  }
  return undefined;
}
