import { describe, expect, it } from 'vitest';
import { Router } from './router';
import { type Route } from './route';

const route = (method: string, pattern: string): Route => ({
  method,
  pattern,
  access: { kind: 'anonymous' },
  handle: () => ({ status: 200 }),
});

describe('the router', () => {
  const router = new Router();
  router.add([
    route('GET', '/subscriptions/{subscriptionId}/locations'),
    route('GET', '/artifacts/{name*}'),
    route('POST', '/{tenant}/oauth2/token'),
    route('GET', '/subscriptions/{other}/{word}'),
  ]);

  it('compares literal segments without case and keeps the case of values', () => {
    expect(router.find('GET', '/SUBSCRIPTIONS/AbC/Locations')?.parameters).toEqual({ subscriptionId: 'AbC' });
  });

  it('lets the first route win', () => {
    expect(router.find('GET', '/subscriptions/a/locations')?.route.pattern).toBe('/subscriptions/{subscriptionId}/locations');
    expect(router.find('GET', '/subscriptions/a/resources')?.parameters).toEqual({ other: 'a', word: 'resources' });
  });

  it('gives all that follows to a last parameter with a star', () => {
    expect(router.find('GET', '/artifacts/a/b/c')?.parameters).toEqual({ name: 'a/b/c' });
  });

  it.each([
    ['POST', '/subscriptions/a/locations'],
    ['GET', '/subscriptions/a'],
    ['GET', '/subscriptions/a/locations/more'],
    ['POST', '/a/oauth2/v2.0/token'],
  ])('has nothing for %s %s', (method, path) => {
    expect(router.find(method, path)).toBeUndefined();
  });
});
