/** A Consul version in its parts. */
export interface VersionNumber {
  major: number;
  minor: number;
  patch: number;
  /** True for a build with the vendor's enterprise additions (`+ent`). */
  enterprise: boolean;
}

const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.]+)?(\+ent[0-9A-Za-z.]*)?$/;

/** Reads `1.8.7`, `1.16.2+ent`; undefined for what is no Consul version. A pre-release counts as its release. */
export function parseVersion(version: string): VersionNumber | undefined {
  const [, major, minor, patch, enterprise] = VERSION.exec(version) ?? [];
  if (major === undefined) return undefined;
  return { major: Number(major), minor: Number(minor), patch: Number(patch), enterprise: enterprise !== undefined };
}

/** Negative when `one` is older than `other`, 0 when they have the same numbers. */
export const compareNumbers = (one: VersionNumber, other: VersionNumber): number =>
  one.major - other.major || one.minor - other.minor || one.patch - other.patch;

/** Whether both belong to one line: `1.8.7` and `1.8.19`. */
export const inSameLine = (one: VersionNumber, other: VersionNumber): boolean =>
  one.major === other.major && one.minor === other.minor;

/** The last line before the vendor counted its first number up; 2.0 is the line after it. */
const LAST_LINE_OF_FIRST_MAJOR = 22;

/** How many lines there are from one version to a later one; negative for an earlier one. */
export function linesBetween(from: VersionNumber, to: VersionNumber): number {
  const place = ({ major, minor }: VersionNumber) => (major <= 1 ? minor : minor + 1 + LAST_LINE_OF_FIRST_MAJOR);
  return place(to) - place(from);
}
