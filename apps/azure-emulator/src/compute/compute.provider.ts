/** The compute service: scale sets whose instances are machines, their network interfaces, sizes and quotas. */
import type { Platform, ResourceProvider } from '../arm/resource-provider';
import { MachineHost } from '../machine';
import { computeRoutes } from './compute.routes';
import { instanceType } from './instance.type';
import { Instances } from './instances';
import { machineTokens } from './machine-tokens';
import { networkInterfaceTypes } from './network-interfaces';
import { Quota } from './quota';
import { scaleSetType } from './scale-set.type';

export function computeProvider(platform: Platform): ResourceProvider {
  const { settings, resources, log } = platform;
  const host = new MachineHost({
    stateFolder: settings.EMULATOR_STATE_FOLDER,
    addressBlock: settings.EMULATOR_MACHINE_ADDRESS_BLOCK,
    metadataPort: settings.EMULATOR_INSTANCE_METADATA_PORT,
    serviceUid: settings.EMULATOR_MACHINE_SERVICE_UID,
    trustedCertificatesPem: platform.caCertificatePem,
    ...(settings.EMULATOR_MACHINE_IMAGE_FOLDER === undefined ? {} : { imageFolder: settings.EMULATOR_MACHINE_IMAGE_FOLDER }),
    tokens: machineTokens(platform),
    log,
  });
  const instances = new Instances(platform, host);
  const quota = new Quota(platform.store, resources);
  return {
    namespace: 'Microsoft.Compute',
    types: [
      scaleSetType({ resources, instances, quota }),
      instanceType(instances, (vmId) => `${platform.endpoint()}/_emulator/machines/${vmId}/console`),
      ...networkInterfaceTypes(instances),
    ],
    routes: computeRoutes(quota, host),
    start: () => host.resume(),
    shutDown: () => host.shutDown(),
    stop: () => host.release(),
  };
}
