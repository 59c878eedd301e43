import { join } from 'node:path';
import { asText } from '../arm/json';
import { type Platform, type ResourceProvider } from '../arm/resource-provider';
import { type Route } from '../server/route';
import { blobContainerType, blobServiceType } from './blob-containers';
import { blobGuard } from './blob-guard';
import { BlobService } from './blob-service';
import { findAccount, keysOf, nameProblem, storageAccountType } from './storage-accounts';

/** `Microsoft.Storage`: accounts and containers through Resource Manager, blobs by Azurite in this process. */
export function storageProvider(platform: Platform): ResourceProvider {
  let service: BlobService | undefined;
  const blobs = (): BlobService => {
    if (service) return service;
    throw new Error('the blob service has not started');
  };
  return {
    namespace: 'Microsoft.Storage',
    types: [storageAccountType(platform, blobs), blobServiceType(platform), blobContainerType(platform, blobs)],
    routes: [checkNameAvailability(platform)],
    async start() {
      service = makeService(platform);
      await service.start();
    },
    async stop() {
      await service?.stop();
    },
  };
}

function makeService(platform: Platform): BlobService {
  const { settings, certificate, resources } = platform;
  return new BlobService({
    host: settings.EMULATOR_HOST,
    port: settings.EMULATOR_BLOB_PORT,
    folder: join(settings.EMULATOR_STATE_FOLDER, 'blobs'),
    certificate,
    findAccount(name) {
      const account = findAccount(resources, name);
      if (!account) return undefined;
      const { key1, key2 } = keysOf(account);
      return { name, key1: Buffer.from(key1, 'base64'), key2: Buffer.from(key2, 'base64') };
    },
    guard: blobGuard(platform, (name) => findAccount(resources, name)?.id),
  });
}

const checkNameAvailability = ({ resources }: Platform): Route => ({
  method: 'POST',
  pattern: '/subscriptions/{subscriptionId}/providers/Microsoft.Storage/checkNameAvailability',
  access: { kind: 'arm', permission: 'Microsoft.Storage/checknameavailability/read' },
  handle(request) {
    const problem = nameProblem(resources, asText(request.json()['name']));
    return { status: 200, body: { nameAvailable: problem === undefined, ...problem } };
  },
});
