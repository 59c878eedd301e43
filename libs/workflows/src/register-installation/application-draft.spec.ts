import { describe, expect, it } from 'vitest';
import { orderOfApplication } from './application-draft';

describe('what a managed application asks for', () => {
  it('is read from the parameters of the form, whatever their type', () => {
    const parameters = {
      clusterName: 'hello',
      consulDataCenter: 'dc1',
      consulVnetCidr: '10.1.0.0/24',
      email: 'a@example.com',
      initialConsulVersion: 'v1.8.7',
      externalEndpoint: 'enabled',
      numServers: '5',
    };
    expect(orderOfApplication('i', parameters).draft).toEqual({
      installationId: 'i',
      name: 'hello',
      datacenter: 'dc1',
      networkCidr: '10.1.0.0/24',
      email: 'a@example.com',
      consulVersion: '1.8.7',
      endpointVisibility: 'Public',
      servers: 5,
    });
  });

  it('has one server in development mode, and leaves to the defaults what is empty', () => {
    const { draft } = orderOfApplication('i', { clusterName: 'hello', clusterMode: 'DEVELOPMENT', initialConsulVersion: '' });
    expect(draft).toMatchObject({ servers: 1, endpointVisibility: 'Private' });
    expect(draft.consulVersion).toBeUndefined();
    expect(orderOfApplication('i', { clusterMode: 'PRODUCTION' }).draft.servers).toBeUndefined();
  });

  it('names its primary by a token, and the program that placed the order; empty texts name none', () => {
    const parameters = { federationToken: 'eyJ.x.y', sourceChannel: 'terraform-provider-hcs' };
    expect(orderOfApplication('i', parameters)).toMatchObject(parameters);
    const none = orderOfApplication('i', { federationToken: '', sourceChannel: ' ' });
    expect([none.federationToken, none.sourceChannel]).toEqual([undefined, undefined]);
  });
});
