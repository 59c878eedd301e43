import { describe, expect, it } from 'vitest';
import { scopeChain } from './access-control';
import { findRoleByName, matchesAction } from './built-in-roles';

describe('what holds at a scope', () => {
  it('comes from the tenant, the subscription, the group and each resource above it', () => {
    expect(scopeChain('/Subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/V/subnets/N')).toEqual([
      '',
      '/subscriptions/s',
      '/subscriptions/s/resourcegroups/g',
      '/subscriptions/s/resourcegroups/g/providers/microsoft.network/virtualnetworks/v',
      '/subscriptions/s/resourcegroups/g/providers/microsoft.network/virtualnetworks/v/subnets/n',
    ]);
  });

  it('is the tenant alone for the root', () => {
    expect(scopeChain('/')).toEqual(['']);
  });
});

describe('an action pattern', () => {
  it.each([
    ['*', 'Microsoft.Network/virtualNetworks/write', true],
    ['*/read', 'Microsoft.Network/virtualNetworks/read', true],
    ['*/read', 'Microsoft.Network/virtualNetworks/write', false],
    ['Microsoft.Authorization/*/Write', 'microsoft.authorization/roleAssignments/write', true],
    ['Microsoft.Network/*', 'MicrosoftXNetwork/virtualNetworks/read', false],
    ['Microsoft.Network/virtualNetworks/read', 'Microsoft.Network/virtualNetworks/read/more', false],
  ])('%s on %s: %s', (pattern, action, expected) => {
    expect(matchesAction(pattern, action)).toBe(expected);
  });
});

describe('a built-in role', () => {
  it('is found by its name and by its GUID', () => {
    expect(findRoleByName('owner')?.name).toBe('8e3af657-a8ff-443c-a75c-2fe8c4bcb635');
    expect(findRoleByName('8E3AF657-A8FF-443C-A75C-2FE8C4BCB635')?.roleName).toBe('Owner');
    expect(findRoleByName('King')).toBeUndefined();
  });
});
