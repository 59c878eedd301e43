import { describe, expect, it } from 'vitest';
import { canonicalAddress, isHcsAddress } from './hcs-address';

const RESOURCE = '/subscriptions/s-1/resourceGroups/g/providers/Microsoft.CustomProviders/resourceProviders/public/createToken';

describe('the address of a request', () => {
  it.each([
    [`${RESOURCE.toLowerCase()}?a=b`, `${RESOURCE}?a=b`],
    [`/${RESOURCE}`, RESOURCE],
    [`/${encodeURIComponent('/subscriptions/s-1/resourceGroups/g')}${RESOURCE.slice(35)}`, RESOURCE],
  ])('is brought into the form of the routes: %s', (written, meant) => {
    expect(canonicalAddress(written)).toBe(meant);
  });

  it('is taken out of the header where a forwarded address says nothing', () => {
    expect(
      canonicalAddress('/forwarded/key/?api-version=1', RESOURCE.toUpperCase().replace('S-1', 's-1').replace('/G/', '/g/')),
    ).toBe(`/forwarded/key${RESOURCE}?api-version=1`);
    expect(canonicalAddress('/forwarded/key')).toBe('/forwarded/key');
  });

  it('is not taken out of the header where it says something, or is not a forwarded one', () => {
    const other = RESOURCE.replace('createToken', 'config');
    expect(canonicalAddress(`/forwarded/key${RESOURCE}`, other)).toBe(`/forwarded/key${RESOURCE}`);
    expect(canonicalAddress('/v1/clusters', other)).toBe('/v1/clusters');
  });

  it('cannot take another door by its header', () => {
    expect(canonicalAddress('/forwarded/key', 'more/subscriptions')).toBe('/forwarded/key/more/subscriptions');
  });

  it('of anything else is left as it is, broken or not', () => {
    for (const address of ['/v1/clusters/%', '/subscriptions/a', '/openapi.json?x'])
      expect(canonicalAddress(address)).toBe(address);
  });

  it('tells in whose form errors are answered', () => {
    expect([RESOURCE, '/forwarded/key', '/v1/clusters', '/subscriptionsx'].map(isHcsAddress)).toEqual([true, true, false, false]);
  });
});
