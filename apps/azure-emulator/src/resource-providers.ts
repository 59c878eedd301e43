import { type ResourceProviderFactory } from './arm/resource-provider';
import { managedIdentityProvider } from './managed-identity/managed-identity.provider';

/** Every Azure service that the emulator has; one line each. */
export const resourceProviders: readonly ResourceProviderFactory[] = [managedIdentityProvider];
