import { type ResourceProviderFactory } from './arm/resource-provider';
import { computeProvider } from './compute/compute.provider';
import { containerServiceProvider } from './container-service/container-service.provider';
import { customProvidersProvider } from './custom-providers/custom-providers.provider';
import { deploymentsProvider } from './deployments/deployments.provider';
import { managedApplicationsProvider } from './managed-applications/managed-applications.provider';
import { managedIdentityProvider } from './managed-identity/managed-identity.provider';
import { networkProvider } from './network/network.provider';
import { storageProvider } from './storage/storage.provider';

/** Every Azure service that the emulator has; one line each. */
export const resourceProviders: readonly ResourceProviderFactory[] = [
  managedIdentityProvider,
  storageProvider,
  deploymentsProvider,
  networkProvider,
  computeProvider,
  managedApplicationsProvider,
  customProvidersProvider,
  containerServiceProvider,
];
