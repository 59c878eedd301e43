import { describe, expect, it } from 'vitest';
import type { StoredResource } from '../arm/resource';
import { chooseSurplus, chooseZone } from './scaling';

const instance = (instanceId: number, zone?: string): StoredResource => ({
  id: `/instances/${instanceId}`,
  name: String(instanceId),
  type: 'instance',
  etag: '',
  systemData: { createdBy: '', createdByType: '', createdAt: '', lastModifiedBy: '', lastModifiedByType: '', lastModifiedAt: '' },
  properties: {},
  hidden: { instanceId: String(instanceId) },
  ...(zone === undefined ? {} : { zones: [zone] }),
});

const numbers = (instances: readonly StoredResource[]) => instances.map(({ name }) => Number(name));

describe('scaling', () => {
  it('puts a new instance into the emptiest zone', () => {
    expect(chooseZone(['1', '2', '3'], [instance(0, '1'), instance(1, '2')])).toBe('3');
    expect(chooseZone(['1', '2'], [instance(0, '1'), instance(1, '2')])).toBe('1');
    expect(chooseZone([], [instance(0)])).toBeUndefined();
  });

  it('removes the newest of the fullest zone first', () => {
    const instances = [instance(0, '1'), instance(1, '2'), instance(2, '3'), instance(3, '1'), instance(10, '2')];
    expect(numbers(chooseSurplus(instances, 3, 'Default'))).toEqual([10, 3, 2]);
  });

  it('removes the oldest when the policy says so, and nothing when there are too few', () => {
    expect(numbers(chooseSurplus([instance(4), instance(5), instance(6)], 2, 'OldestVM'))).toEqual([4, 5]);
    expect(chooseSurplus([instance(1)], -2, 'Default')).toEqual([]);
  });
});
