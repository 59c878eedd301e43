import { describe, expect, it } from 'vitest';
import { idKey, parentIdOf, parseResourceId, sameId, tryParseResourceId } from './resource-id';

const SUBSCRIPTION = '/subscriptions/22222222-0000-4000-8000-000000000001';

describe('a resource id', () => {
  it('gives its parts and keeps its case', () => {
    const id = parseResourceId(
      `${SUBSCRIPTION}/resourceGroups/Group/providers/Microsoft.Compute/virtualMachineScaleSets/Servers/virtualMachines/0`,
    );
    expect(id).toMatchObject({
      subscriptionId: SUBSCRIPTION.split('/')[2],
      resourceGroup: 'Group',
      namespace: 'Microsoft.Compute',
      type: 'virtualMachineScaleSets/virtualMachines',
      names: ['Servers', '0'],
      name: '0',
      scope: `${SUBSCRIPTION}/resourceGroups/Group`,
    });
    expect(parentIdOf(id)).toBe(
      `${SUBSCRIPTION}/resourceGroups/Group/providers/Microsoft.Compute/virtualMachineScaleSets/Servers`,
    );
  });

  it('reads a group as a resource of its subscription', () => {
    expect(parseResourceId(`${SUBSCRIPTION}/resourcegroups/Group`)).toMatchObject({
      fullType: 'Microsoft.Resources/subscriptions/resourceGroups',
      name: 'Group',
      scope: SUBSCRIPTION,
    });
  });

  it('reads an extension by what it hangs on', () => {
    const owner = `${SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v`;
    const lock = parseResourceId(`${owner}/providers/Microsoft.Authorization/locks/keep`);
    expect(lock).toMatchObject({ scope: owner, fullType: 'Microsoft.Authorization/locks', resourceGroup: 'g' });
    expect(parentIdOf(lock)).toBeUndefined();
  });

  it('compares without case and without spare slashes', () => {
    expect(sameId('//Subscriptions/A/', '/subscriptions/a')).toBe(true);
    expect(idKey('/A//B/')).toBe('/a/b');
  });

  it.each([
    '/',
    SUBSCRIPTION,
    `${SUBSCRIPTION}/resourceGroups`,
    `${SUBSCRIPTION}/providers/Microsoft.Compute`,
    `${SUBSCRIPTION}/providers/Microsoft.Compute/disks`,
  ])('is not %s', (path) => {
    expect(tryParseResourceId(path)).toBeUndefined();
  });
});
