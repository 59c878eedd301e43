import { GLOBAL_MANAGEMENT_POLICY, type ConsulToken } from '@managed-consul/consul';
import { describe, expect, it } from 'vitest';
import { serviceTokensOfSource } from './source-tokens';

const token = (AccessorID: string, more: Partial<ConsulToken>): ConsulToken => ({
  ...{ AccessorID, Description: '', Policies: [], NodeIdentities: [] },
  ...more,
});
const all = { Policies: [{ Name: GLOBAL_MANAGEMENT_POLICY }] };
const node = { NodeIdentities: [{ NodeName: 'web-server-0' }] };

describe('serviceTokensOfSource', () => {
  it("finds the source's management token and those of its servers, and leaves the new cluster's", () => {
    const tokens = [
      token('old-management', { Description: 'Master Token', ...all }),
      token('old-agent', { Description: 'Agent of web-server-0', ...node }),
      token('management', { Description: 'Master Token', ...all }),
      token('agent', { Description: 'Agent of copy-server-0', ...node }),
    ];
    expect(serviceTokensOfSource(tokens, ['management', 'agent'])).toEqual(['old-management', 'old-agent']);
  });

  it("leaves the customer's tokens, whatever rights they have", () => {
    const tokens = [
      token('root', { Description: 'Root token of the customer', ...all }),
      token('client', { Description: 'client agent', ...node }),
      token('named', { Description: 'Master Token' }),
      token('speaking', { Description: 'Agent of change' }),
    ];
    expect(serviceTokensOfSource(tokens, [])).toEqual([]);
  });
});
