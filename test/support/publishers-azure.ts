import { readFileSync } from 'node:fs';
import { ComputeManagementClient } from '@azure/arm-compute';
import { NetworkManagementClient } from '@azure/arm-network';
import { ClientSecretCredential } from '@azure/identity';
import { foldersOf } from '../../infra/local/folders';
import { loadIdentities } from '../../infra/local/identities';
import type { ServiceStatus } from './service-status';

/** The running service's Azure with the publisher's own identity: in a managed application customers may change nothing. */
export function publishersAzure({ azure, stateFolder }: ServiceStatus, subscriptionId: string) {
  const { publisher } = loadIdentities(foldersOf(stateFolder).secrets);
  const tlsOptions = { ca: readFileSync(azure.caFile, 'utf8') };
  const credential = new ClientSecretCredential(publisher.tenantId, publisher.clientId, publisher.clientSecret, {
    authorityHost: azure.authority,
    disableInstanceDiscovery: true,
    tlsOptions,
  });
  const { endpoint } = azure;
  const options = { endpoint, credentials: { scopes: [`${endpoint}/.default`] }, tlsOptions };
  return {
    compute: new ComputeManagementClient(credential, subscriptionId, options),
    network: new NetworkManagementClient(credential, subscriptionId, options),
  };
}
