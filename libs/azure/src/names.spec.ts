import { describe, expect, it } from 'vitest';
import { CLUSTER_TAG, clusterNames, clusterTags, parseResourceId, resourceId } from './names';

const ID = '01939b7a-6d3f-7000-8000-0123456789AB';

describe('names of a cluster', () => {
  it('are the same every time and fit what Azure allows', () => {
    const names = clusterNames(ID);
    expect(clusterNames(ID.toLowerCase())).toEqual(names);
    expect(names.storageAccount).toMatch(/^[a-z0-9]{3,24}$/);
    expect(names.scaleSet).toBe('consul-0123456789ab-servers');
    expect(new Set(Object.values(names)).size).toBe(Object.values(names).length - 1);
  });

  it('are refused for what is no UUID', () => {
    expect(() => clusterNames('hello')).toThrow(/UUID/);
  });

  it('keep the customer from shadowing the tags that delete goes by', () => {
    expect(clusterTags({ id: ID, installationId: 'i' }, { [CLUSTER_TAG]: 'other', owner: 'me' })).toMatchObject({
      [CLUSTER_TAG]: ID,
      owner: 'me',
    });
  });

  it('come back out of a resource id, whatever its case', () => {
    const id = resourceId({ subscriptionId: 's', resourceGroup: 'g' }, 'Microsoft.Network/loadBalancers', 'lb');
    expect(parseResourceId(id.toUpperCase())).toEqual({
      subscriptionId: 'S',
      resourceGroup: 'G',
      type: 'MICROSOFT.NETWORK/LOADBALANCERS',
      name: 'LB',
    });
    expect(parseResourceId('/subscriptions/s/resourceGroups/g')).toBeUndefined();
  });
});
