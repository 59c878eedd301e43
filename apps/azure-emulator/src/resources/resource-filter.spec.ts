import { describe, expect, it } from 'vitest';
import { type StoredResource } from '../arm/resource';
import { readResourceFilter } from './resource-filter';

const resource = {
  id: '/subscriptions/s/resourceGroups/Group/providers/Microsoft.Network/virtualNetworks/one',
  name: 'one',
  type: 'Microsoft.Network/virtualNetworks',
  location: 'westeurope',
  tags: { Cluster: "a'b", other: 'x' },
} as unknown as StoredResource;

describe('the filter of resource lists', () => {
  it.each([
    [null, true],
    ["resourceType eq 'microsoft.network/VIRTUALNETWORKS'", true],
    ["resourceType ne 'Microsoft.Network/virtualNetworks'", false],
    ["resourceGroup eq 'group' and name eq 'one'", true],
    ["resourceGroup eq 'group' and name eq 'two'", false],
    ["tagName eq 'cluster' and tagValue eq 'a''b'", true],
    ["tagName eq 'cluster' and tagValue eq 'x'", false],
    ["tagName eq 'nothing'", false],
  ])('%s: %s', (filter, expected) => {
    expect(readResourceFilter(filter)(resource)).toBe(expected);
  });

  it.each(['name eq one', "substringof('a', name)", "colour eq 'red'", "tagValue eq 'x'", "name eq 'a' or name eq 'b'"])(
    'refuses %s',
    (filter) => {
      expect(() => readResourceFilter(filter)).toThrow('Invalid $filter');
    },
  );
});
