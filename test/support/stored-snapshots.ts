import { ClientSecretCredential } from '@azure/identity';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import type { Snapshot } from '@managed-consul/database';
import { azureUrl } from '../../infra/local/components';
import type { WorkflowWorld } from './workflow-world';

/** The container of a snapshot, opened with the service's own identity. */
async function containerOf({ world, dependencies, database }: WorkflowWorld, snapshot: Snapshot): Promise<ContainerClient> {
  const { tenantId, clientId, clientSecret } = world.identities.publisher;
  const authorityHost = azureUrl(world);
  const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, {
    authorityHost,
    disableInstanceDiscovery: true,
  });
  const where = { id: snapshot.installationId };
  const { subscriptionId, resourceGroup } = await database.prisma.installation.findUniqueOrThrow({ where });
  const { storageAccounts } = dependencies.azure.inSubscription(subscriptionId);
  const account = await storageAccounts.find(resourceGroup, snapshot.storageAccountName ?? '');
  return new BlobServiceClient(account?.blobEndpoint ?? '', credential).getContainerClient(snapshot.containerName ?? '');
}

/** Puts other bytes in the place of a stored snapshot; gives what puts the first ones back. */
export async function damage(
  world: WorkflowWorld,
  snapshot: Snapshot,
  change: (stored: Buffer) => Buffer,
): Promise<() => Promise<void>> {
  const blob = (await containerOf(world, snapshot)).getBlockBlobClient(snapshot.blobName ?? '');
  const stored = await blob.downloadToBuffer();
  const write = async (bytes: Buffer) => {
    await blob.uploadData(bytes);
  };
  await write(change(Buffer.from(stored)));
  return () => write(stored);
}

/** Names of what is stored of a snapshot, also of tries that failed. */
export async function storedBlobs(world: WorkflowWorld, snapshot: Snapshot): Promise<string[]> {
  const names: string[] = [];
  const container = await containerOf(world, snapshot);
  for await (const { name } of container.listBlobsFlat({ prefix: `${snapshot.id}/` })) names.push(name);
  return names;
}
