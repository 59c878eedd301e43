/** Whether `version` (`1.8.7`, `1.16.2+ent`) is `major.minor` or later. Pre-releases count as their release. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const found = /^(\d+)\.(\d+)/.exec(version);
  if (!found) throw new Error(`Not a Consul version: ${version}`);
  const [ownMajor, ownMinor] = [Number(found[1]), Number(found[2])];
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
