import { randomBytes, randomUUID } from 'node:crypto';
import { hcsOperations } from '@managed-consul/api-contract';
import { SECRET_PURPOSES, secretOwnerOf } from '@managed-consul/clusters';
import { SecretValue } from '@managed-consul/config';
import type { Cluster, Installation } from '@managed-consul/database';
import type { ApiUnderTest, Person, RawAnswer, RawOptions } from './api-under-test';

export type HcsOperationName = keyof typeof hcsOperations;

/** A ready cluster with everything that a worker leaves behind, in an installation of a managed application. */
export interface HcsPlace {
  owner: Person;
  installation: Installation;
  applicationName: string;
  cluster: Cluster;
  gossipKey: string;
}

/** The address of an operation, for a cluster where it has one. */
export function addressOf(name: HcsOperationName, { installation }: Pick<HcsPlace, 'installation'>, cluster = 'hello'): string {
  const { subscriptionId, resourceGroup } = installation;
  return hcsOperations[name].path
    .replace('{subscriptionId}', subscriptionId)
    .replace('{resourceGroup}', resourceGroup)
    .replace('{name}', cluster);
}

/** Calls an operation as the owner of the place. */
export function callHcs(
  api: ApiUnderTest,
  place: HcsPlace,
  name: HcsOperationName,
  options: RawOptions = {},
): Promise<RawAnswer> {
  const { method } = hcsOperations[name];
  const body = method === 'POST' ? { body: {}, ...options } : options;
  return api.request(place.owner, method, addressOf(name, place), body);
}

/** Makes one, of a new owner. */
export async function newHcsPlace(api: ApiUnderTest): Promise<HcsPlace> {
  const owner = await api.newPerson();
  const { prisma } = api.database;
  const registered = await api.newInstallation(owner);
  const { subscriptionId } = registered;
  const resourceGroup = `mrg-${randomUUID()}`;
  const applicationName = `Hello-${randomUUID()}`;
  const applicationIdAsWritten = `/subscriptions/${subscriptionId}/resourceGroups/Customer/providers/Microsoft.Solutions/applications/${applicationName}`;
  const data = { resourceGroup, applicationIdAsWritten, applicationId: applicationIdAsWritten.toLowerCase() };
  const installation = await prisma.installation.update({ where: { id: registered.id }, data });
  const cluster = await api.newReadyCluster(owner, {
    installationId: installation.id,
    datacenter: 'dc1',
    privateEndpointUrl: 'https://hello.private.example.com:8501',
    publicEndpointUrl: 'https://hello.example.com:8501',
    storageAccountName: 'consulabcdef',
    identityResourceId: `/subscriptions/${subscriptionId}/resourcegroups/${resourceGroup}/providers/microsoft.managedidentity/userassignedidentities/consul-abcdef-identity`,
  });
  const owned = { owner: secretOwnerOf(cluster.id), purpose: 'ca', serial: '01', subject: 'CN=Consul CA' };
  const now = new Date();
  await prisma.certificate.create({ data: { ...owned, notBefore: now, notAfter: now, pem: '-----CA-----\n' } });
  const gossipKey = randomBytes(32).toString('base64');
  await api.secrets.put(secretOwnerOf(cluster.id), SECRET_PURPOSES.gossipKey, new SecretValue(gossipKey));
  const server = { clusterId: cluster.id, name: 's0', azureName: 's_0', instanceId: '0', vmId: randomUUID() };
  await prisma.server.create({ data: { ...server, address: '10.0.0.4' } });
  return { owner, installation, applicationName, cluster, gossipKey };
}
