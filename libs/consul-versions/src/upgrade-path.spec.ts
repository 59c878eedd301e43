import { describe, expect, it } from 'vitest';
import { hopIsAllowed } from './hop-rules';
import { listUpgradeVersions, newestPatch, planUpgrade, type CatalogueEntry } from './upgrade-path';
import { parseVersion } from './version-number';

const entry = (version: string, more: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  ...{ version, status: 'AVAILABLE', blockedReason: null, artifacts: [{}] },
  ...more,
});

const ALL = ['1.8.7', '1.8.19', '1.9.17', '1.10.12', '1.11.11', '1.12.9', '1.13.9', '1.14.11', '1.15.10', '1.16.6', '1.18.2'].map(
  (version) => entry(version),
);

const hops = (from: string | readonly string[], to: string, catalogue: readonly CatalogueEntry[] = ALL) => {
  const plan = planUpgrade({ from: typeof from === 'string' ? [from] : from, to, catalogue });
  return plan.kind === 'plan' ? plan.hops.map(({ version }) => version) : plan.code;
};

const allowed = (from: string, to: string): boolean => {
  const [one, other] = [parseVersion(from), parseVersion(to)];
  if (!one || !other) throw new Error('Not versions.');
  return hopIsAllowed(one, other);
};

describe('a secondary datacenter', () => {
  const to = (target: string, ...primary: string[]) => {
    const plan = planUpgrade({ from: ['1.8.7'], to: target, catalogue: ALL, primary });
    return plan.kind === 'plan' ? plan.hops.map(({ version }) => version) : plan.code;
  };

  it('goes as far as every server of its primary has gone, and no further', () => {
    expect(to('1.8.19', '1.8.19', '1.8.19')).toEqual(['1.8.19']);
    expect(to('1.8.19', '1.9.17', '1.9.17')).toEqual(['1.8.19']);
    expect(to('1.8.19', '1.8.7')).toBe('NewerThanPrimary');
    expect(to('1.8.19', '1.8.19', '1.8.7', '1.8.19')).toBe('NewerThanPrimary');
    expect(to('1.9.17', '1.8.19')).toBe('NewerThanPrimary');
  });

  it('is given no newer patch by itself, and is told of each newer version what must come first', () => {
    const facts = { from: ['1.8.7'], catalogue: ALL };
    expect(newestPatch({ ...facts, primary: ['1.8.7'] })).toBeUndefined();
    expect(newestPatch({ ...facts, primary: ['1.8.19'] })).toBe('1.8.19');
    const told = listUpgradeVersions({ ...facts, primary: ['1.8.7'] }).map(({ plan }) => plan);
    expect(told).not.toHaveLength(0);
    expect(told.every((plan) => plan.kind === 'refusal' && plan.code === 'NewerThanPrimary')).toBe(true);
  });
});

describe('a hop', () => {
  it.each([
    ['1.8.7', '1.8.9'],
    ['1.8.7', '1.9.17'],
    ['1.8.7', '1.10.12'],
    ['1.10.12', '1.12.9'],
    ['1.12.0', '1.14.11'],
    ['1.4.0', '1.6.10'],
    ['1.21.5', '2.0.0'],
    ['1.15.8+ent', '1.18.5+ent'],
    ['1.8.13+ent', '1.10.12+ent'],
  ])('from %s to %s is allowed', (from, to) => expect(allowed(from, to)).toBe(true));

  it.each([
    ['1.8.9', '1.8.7', 'goes back'],
    ['1.8.7', '1.8.7', 'stays'],
    ['1.8.7', '1.11.11', 'passes a mandatory stop'],
    ['1.9.17', '1.11.11', 'passes a mandatory stop though it is two lines only'],
    ['1.12.9', '1.15.10', 'is three lines long'],
    ['1.15.10', '1.18.2', 'is three lines long, which only the enterprise edition may'],
    ['1.15.8+ent', '1.19.3+ent', 'is four lines long'],
    ['1.16.6', '1.16.6+ent', 'changes the edition'],
    ['1.8.12+ent', '1.10.12+ent', 'starts too low for the enterprise edition'],
    ['1.10.4+ent', '1.11.11+ent', 'starts too low for the enterprise edition'],
    ['1.20.6', '2.1.0', 'is four lines long across the first number'],
  ])('from %s to %s is not: it %s', (from, to) => expect(allowed(from, to)).toBe(false));
});

describe('a plan', () => {
  it('stops where the vendor demands it and takes the newest patch of each line, in as few hops as there can be', () => {
    expect(hops('1.8.7', '1.16.6')).toEqual(['1.10.12', '1.12.9', '1.14.11', '1.16.6']);
    expect(hops('1.8.7', '1.15.10')).toEqual(['1.10.12', '1.12.9', '1.14.11', '1.15.10']);
    expect(hops('1.10.12', '1.11.11')).toEqual(['1.11.11']);
    expect(hops('1.8.7', '1.8.19')).toEqual(['1.8.19']);
  });

  it('goes round blocked versions and previews', () => {
    const catalogue = ALL.map((one) =>
      one.version === '1.12.9' ? entry('1.12.9', { status: 'BLOCKED', blockedReason: 'it loses data' }) : one,
    ).concat(entry('1.12.10', { status: 'PREVIEW' }));
    expect(hops('1.10.12', '1.13.9', catalogue)).toEqual(['1.11.11', '1.13.9']);
    expect(hops('1.10.12', '1.12.9', catalogue)).toBe('VersionBlocked');
    expect(hops('1.10.12', '1.12.10', catalogue)).toEqual(['1.12.10']);
  });

  it('starts from the oldest server and never takes another one back', () => {
    expect(hops(['1.8.9', '1.8.7', '1.8.7'], '1.8.9', [entry('1.8.9')])).toEqual(['1.8.9']);
    expect(hops(['1.8.19', '1.8.7'], '1.8.9', [entry('1.8.9')])).toBe('UpgradeNotNewer');
    expect(hops(['1.10.12', '1.8.7'], '1.12.9')).toEqual(['1.10.12', '1.12.9']);
  });

  it('is refused with a stable code and what to do', () => {
    const few = [entry('1.8.7'), entry('1.12.9'), entry('1.10.12', { artifacts: [] }), entry('1.14.11', { artifacts: [] })];
    expect(hops('1.10.12', '1.8.7')).toBe('UpgradeNotNewer');
    expect(hops('1.8.7', '1.8.7')).toBe('UpgradeNotNewer');
    expect(hops('1.8.7', '1.99.0')).toBe('VersionUnavailable');
    expect(hops('1.8.7', 'newest')).toBe('VersionUnavailable');
    expect(hops('1.8.7', '1.10.12', few)).toBe('VersionUnavailable');
    expect(hops('1.8.7', '1.12.9', few)).toBe('UpgradePathForbidden');
    expect(hops('1.8.7', '1.12.9', [entry('1.12.9')])).toBe('UpgradePathForbidden');
    const refusal = planUpgrade({ from: ['1.8.7'], to: '1.12.9', catalogue: few });
    expect(refusal).toMatchObject({ message: expect.stringMatching(/over 1\.10\.12, of which .* Choose/) as string });
  });

  it('warns of what changes in each hop, once', () => {
    const plan = planUpgrade({ from: ['1.8.7'], to: '1.12.9', catalogue: ALL });
    if (plan.kind !== 'plan') throw new Error(plan.message);
    const codes = plan.hops.map(({ warnings }) => warnings.map(({ code }) => code));
    expect(codes).toEqual([
      ['IntentionsMigrate', 'EnvoyVersion'],
      ['LegacyAclRemoved', 'TlsStanza'],
    ]);
    const within = planUpgrade({ from: ['1.8.7'], to: '1.8.19', catalogue: ALL });
    expect(within).toEqual({ kind: 'plan', hops: [{ version: '1.8.19', warnings: [] }] });
  });
});

it('lists every newer version with its plan or what stands in the way', () => {
  const listed = listUpgradeVersions({ from: ['1.15.10'], catalogue: [...ALL, entry('1.19.2', { artifacts: [] })] });
  expect(listed.map(({ version, plan }) => [version, plan.kind])).toEqual([
    ['1.16.6', 'plan'],
    ['1.18.2', 'plan'],
    ['1.19.2', 'refusal'],
  ]);
});

it('chooses for an automatic upgrade the newest patch of the same line that can be installed and is no preview', () => {
  const patches = [
    entry('1.8.7'),
    entry('1.8.9'),
    entry('1.8.10', { status: 'BLOCKED', blockedReason: 'x' }),
    entry('1.8.11', { status: 'PREVIEW' }),
    entry('1.8.19', { artifacts: [] }),
    entry('1.9.17'),
  ];
  expect(newestPatch({ from: ['1.8.7'], catalogue: patches })).toBe('1.8.9');
  expect(newestPatch({ from: ['1.8.9'], catalogue: patches })).toBeUndefined();
  expect(newestPatch({ from: ['1.8.7', '1.8.9', '1.8.9'], catalogue: patches })).toBe('1.8.9');
});
