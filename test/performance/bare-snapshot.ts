/** The least that a person with a shell would do: save a snapshot from the leader and store it. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { ClientSecretCredential } from '@azure/identity';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { clusterNames, SNAPSHOTS_CONTAINER } from '@managed-consul/azure';
import { foldersOf } from '../../infra/local/folders';
import { loadIdentities } from '../../infra/local/identities';
import { azureAsCustomer } from '../support/azure-as-customer';
import { askConsul, CONSUL_HTTPS_PORT, type ConsulTarget } from '../support/consul-https';
import type { Customer } from '../support/customer';
import type { ServiceStatus } from '../support/service-status';

const STORAGE_API_VERSION = '2023-05-01';
const SAVE_TIMEOUT = 60_000;

/** The identity of the service: nobody else may write where snapshots are kept. */
function serviceCredential({ stateFolder, azure }: ServiceStatus): ClientSecretCredential {
  const { tenantId, clientId, clientSecret } = loadIdentities(foldersOf(stateFolder).secrets).publisher;
  const options = { authorityHost: azure.authority, disableInstanceDiscovery: true };
  return new ClientSecretCredential(tenantId, clientId, clientSecret, options);
}

/** The container in which the running service keeps the snapshots of the cluster, opened as the service opens it. */
export async function snapshotsContainer(status: ServiceStatus, customer: Customer, clusterId: string): Promise<ContainerClient> {
  const params = { id: customer.identity.installationId };
  const { subscriptionId, resourceGroup } = (await customer.api.call('getInstallation', { params })).body;
  const account = `Microsoft.Storage/storageAccounts/${clusterNames(clusterId).storageAccount}`;
  const id = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/${account}`;
  const { properties } = await azureAsCustomer(status, customer).resources.resources.getById(id, STORAGE_API_VERSION);
  const { primaryEndpoints } = properties as { primaryEndpoints: { blob: string } };
  // The client of blobs takes no authority of its own.
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(status.azure.caFile, 'utf8')]);
  return new BlobServiceClient(primaryEndpoints.blob, serviceCredential(status)).getContainerClient(SNAPSHOTS_CONTAINER);
}

/** The same target with the address of the server that leads. */
export async function leaderOf(target: ConsulTarget): Promise<ConsulTarget> {
  const { status, body } = await askConsul(target, 'GET', '/v1/status/leader');
  if (status !== 200) throw new Error(`Consul answered ${status} to who leads: ${body}`);
  return { ...target, address: (JSON.parse(body) as string).replace(/:\d+$/, '') };
}

function save({ address, datacenter, ca, token }: ConsulTarget): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({
      ...{ host: address, port: CONSUL_HTTPS_PORT, path: '/v1/snapshot', ca, servername: `server.${datacenter}.consul` },
      ...{ headers: { 'X-Consul-Token': token }, timeout: SAVE_TIMEOUT, agent: false },
    });
    asked.on('error', reject);
    asked.on('timeout', () => asked.destroy(new Error(`The snapshot took longer than ${SAVE_TIMEOUT} ms.`)));
    asked.on('response', (answer) => {
      if (answer.statusCode === 200) resolve(answer);
      else asked.destroy(new Error(`Consul answered ${String(answer.statusCode)} to a snapshot.`));
    });
    asked.end();
  });
}

/** Streams a snapshot from the leader into a blob; gives its bytes. Neither verified nor encrypted. */
export async function bareSnapshot(leader: ConsulTarget, container: ContainerClient, name: string): Promise<number> {
  const blob = container.getBlockBlobClient(name);
  await blob.uploadStream(await save(leader));
  return (await blob.getProperties()).contentLength ?? 0;
}
