import { describe, expect, test } from 'vitest';
import { fillSpec, findSpecProblems, type ClusterDraft } from './index';

const draft = (change: ClusterDraft = {}): ClusterDraft =>
  fillSpec(
    { name: 'hello', email: 'ops@example.com', ...change },
    { region: 'westeurope', plan: 'on-demand', recommendedVersion: '1.8.7' },
  );

const codesOf = (change: ClusterDraft): string[] =>
  findSpecProblems(draft(change)).map(({ code, target }) => `${target}: ${code}`);

const tagsOf = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, number) => [`tag-${number}`, 'x']));

describe('a spec', () => {
  test('with only name and email is filled up to one without problems', () => {
    expect(findSpecProblems(draft())).toEqual([]);
    expect(draft()).toMatchObject({ servers: 3, datacenter: 'hello', networkCidr: '172.25.16.0/24', consulVersion: '1.8.7' });
  });

  test.each<[string, ClusterDraft, string[]]>([
    ['a name of two letters', { name: 'ab' }, ['name: InvalidName']],
    ['a name of 25 letters', { name: 'a'.repeat(25) }, ['name: InvalidName']],
    ['a name that begins with a digit', { name: '1abc' }, ['name: InvalidName']],
    ['a name that ends with a hyphen', { name: 'abc-' }, ['name: InvalidName']],
    ['a name with a space', { name: 'a b c' }, ['name: InvalidName']],
    ['a datacenter in capitals', { datacenter: 'DC1' }, ['datacenter: InvalidDatacenter']],
    ['a datacenter of 33 letters', { datacenter: 'd'.repeat(33) }, ['datacenter: InvalidDatacenter']],
    ['two servers', { servers: 2 }, ['servers: UnsupportedServerCount']],
    ['no servers', { servers: 0 }, ['servers: UnsupportedServerCount']],
    ['seven servers', { servers: 7 }, ['servers: UnsupportedServerCount']],
    ['an unknown size', { vmSize: 'Standard_Nope' }, ['vmSize: UnknownVmSize']],
    ['a burstable size for three servers', { vmSize: 'Standard_B2s' }, ['vmSize: VmSizeTooSmall']],
    ['a range that is not CIDR', { networkCidr: '10.0.0.0' }, ['networkCidr: InvalidNetworkRange']],
    ['a range with host bits', { networkCidr: '10.0.0.1/24' }, ['networkCidr: InvalidNetworkRange']],
    ['a range with a number above 255', { networkCidr: '10.0.256.0/24' }, ['networkCidr: InvalidNetworkRange']],
    ['a public range', { networkCidr: '8.8.8.0/24' }, ['networkCidr: NetworkRangeNotPrivate']],
    ['a range just outside 172.16.0.0/12', { networkCidr: '172.32.0.0/16' }, ['networkCidr: NetworkRangeNotPrivate']],
    ['a range of /15', { networkCidr: '10.0.0.0/15' }, ['networkCidr: NetworkRangeSize']],
    ['a range of /29', { networkCidr: '10.0.0.0/29' }, ['networkCidr: NetworkRangeSize']],
    ['snapshots every second', { snapshotIntervalSeconds: 1 }, ['snapshotIntervalSeconds: OutOfRange']],
    ['snapshots every eight days', { snapshotIntervalSeconds: 691_200 }, ['snapshotIntervalSeconds: OutOfRange']],
    ['snapshots kept for two years', { snapshotRetentionSeconds: 63_072_000 }, ['snapshotRetentionSeconds: OutOfRange']],
    [
      'snapshots kept shorter than the time between them',
      { snapshotIntervalSeconds: 604_800, snapshotRetentionSeconds: 86_400 },
      ['snapshotRetentionSeconds: RetentionShorterThanInterval'],
    ],
    ["a window at 24 o'clock", { maintenanceWindow: { weekday: 'Sunday', hour: 24 } }, ['maintenanceWindow.hour: OutOfRange']],
    ['no snapshots kept', { snapshotRetentionCount: 0 }, ['snapshotRetentionCount: OutOfRange']],
    ['1001 snapshots kept', { snapshotRetentionCount: 1001 }, ['snapshotRetentionCount: OutOfRange']],
    ['automatic upgrades and no window', { upgradePolicy: 'Automatic' }, ['maintenanceWindow: MaintenanceWindowMissing']],
    ['a day that is none', { blackoutDates: ['2026-12-24', '2026-02-30'] }, ['blackoutDates.1: InvalidDate']],
    ['a day in another form', { blackoutDates: ['24.12.2026'] }, ['blackoutDates.0: InvalidDate']],
    ['101 days', { blackoutDates: Array<string>(101).fill('2026-12-24') }, ['blackoutDates: TooManyDates']],
    ['an email without domain', { email: 'ops@' }, ['email: InvalidEmail']],
    ['an email of 300 letters', { email: `${'a'.repeat(290)}@example.com` }, ['email: InvalidEmail']],
    ['16 tags', { tags: tagsOf(16) }, ['tags: TooManyTags']],
    ['a tag name with a slash', { tags: { 'a/b': '' } }, ['tags.a/b: InvalidTagName']],
    ['a reserved tag name', { tags: { 'Managed-Consul-cluster': 'x' } }, ['tags.Managed-Consul-cluster: InvalidTagName']],
    ['a tag value of 257 letters', { tags: { owner: 'x'.repeat(257) } }, ['tags.owner: InvalidTagValue']],
    ['two tags that differ in case', { tags: { Owner: 'a', owner: 'b' } }, ['tags.owner: DuplicateTagName']],
  ])('with %s is refused', (_, change, expected) => {
    expect(codesOf(change)).toEqual(expected);
  });

  test.each<[string, ClusterDraft]>([
    ['15 tags', { tags: tagsOf(15) }],
    ['a name of 24 letters', { name: 'a'.repeat(24) }],
    ['the widest range', { networkCidr: '10.0.0.0/16' }],
    ['the narrowest range', { networkCidr: '192.168.255.240/28' }],
    ['a burstable size for one server', { servers: 1, vmSize: 'standard_b2s' }],
    ['automatic upgrades in a window', { upgradePolicy: 'Automatic', maintenanceWindow: { weekday: 'Sunday', hour: 23 } }],
    ['a leap day', { blackoutDates: ['2028-02-29'] }],
    [
      'the bounds of snapshots',
      { snapshotIntervalSeconds: 3600, snapshotRetentionSeconds: 31_536_000, snapshotRetentionCount: 1 },
    ],
  ])('with %s is fine', (_, change) => {
    expect(codesOf(change)).toEqual([]);
  });

  test('with many mistakes tells all of them', () => {
    const codes = codesOf({ name: '-', servers: 4, vmSize: 'x', networkCidr: 'x', email: 'x', snapshotIntervalSeconds: 0 });
    expect(codes).toHaveLength(6);
  });
});
