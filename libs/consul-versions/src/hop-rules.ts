import { compareNumbers, inSameLine, linesBetween, parseVersion, type VersionNumber } from './version-number';

/**
 * Versions that a cluster of an old version has to stop at, by the vendor's upgrade instructions: from anywhere in the range
 * the stone may be reached at once, and nothing behind it may.
 */
const STEPPING_STONES = [
  { from: '0.8.5', to: '1.2.3', stone: '1.2.4' },
  { from: '1.2.4', to: '1.6.9', stone: '1.6.10' },
  { from: '1.6.9', to: '1.8.18', stone: '1.8.19' },
  { from: '1.8.0', to: '1.9.17', stone: '1.10.12' },
] as const;

const read = (version: string): VersionNumber => {
  const parsed = parseVersion(version);
  if (!parsed) throw new Error(`Not a Consul version: ${version}`);
  return parsed;
};

const STONES = STEPPING_STONES.map(({ from, to, stone }) => ({ from: read(from), to: read(to), stone: read(stone) }));

/** Lines with long support in the enterprise edition, which may be reached from one another over three lines. */
const LONG_SUPPORT_MINORS: readonly number[] = [15, 18, 21];

const hasLongSupport = ({ major, minor, enterprise }: VersionNumber): boolean =>
  enterprise && major === 1 && LONG_SUPPORT_MINORS.includes(minor);

/** The stone that a cluster of this version must stop at; where ranges overlap, the later one serves. */
const stoneFor = (version: VersionNumber): VersionNumber | undefined =>
  STONES.findLast(({ from, to }) => compareNumbers(version, from) >= 0 && compareNumbers(version, to) <= 0)?.stone;

/** Enterprise-only conditions of single lines. */
function enterpriseAllows(from: VersionNumber, to: VersionNumber): boolean {
  if (!to.enterprise) return true;
  const atLeast = (version: string) => compareNumbers(from, read(version)) >= 0;
  if (inSameLine(to, read('1.10.0')) && !inSameLine(from, to))
    return inSameLine(from, read('1.8.0')) ? atLeast('1.8.13') : atLeast('1.9.7');
  if (inSameLine(from, read('1.10.0')) && !inSameLine(from, to)) return atLeast('1.10.7');
  if (to.major === 2 && from.major === 1) return atLeast('1.21.7');
  return true;
}

/** Whether servers may go from one version to another in one hop. Never back, and never from one edition to the other. */
export function hopIsAllowed(from: VersionNumber, to: VersionNumber): boolean {
  if (compareNumbers(to, from) <= 0 || from.enterprise !== to.enterprise) return false;
  if (inSameLine(from, to)) return true;
  const stone = stoneFor(from);
  if (stone && compareNumbers(to, stone) > 0) return false;
  if (!enterpriseAllows(from, to)) return false;
  if (stone && compareNumbers(to, stone) === 0) return true;
  const farthest = hasLongSupport(from) && hasLongSupport(to) ? 3 : 2;
  return linesBetween(from, to) <= farthest;
}
