import { TerminalError } from '@managed-consul/errors';
import { describe, expect, it } from 'vitest';
import { noCluster } from './services';

describe('the cluster of an operation on none', () => {
  it('ends the operation when it is read, and can be handed around until then', async () => {
    const { cluster } = { ...{ cluster: noCluster('register-installation') } };
    expect(await Promise.resolve(cluster)).toBe(cluster);
    expect(() => cluster.name).toThrow(TerminalError);
  });
});
