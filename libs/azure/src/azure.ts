import { openAzureConnection, type AzureConnection, type AzureSettings } from './connection';
import { CustomProviders } from './custom-providers';
import { Deployments } from './deployments';
import { LoadBalancers } from './load-balancers';
import { ManagedApplications } from './managed-applications';
import { ManagedIdentities } from './managed-identities';
import { MarketplaceMetering } from './marketplace-metering';
import { ResourceGroups } from './resource-groups';
import { Resources } from './resources';
import { ScaleSets } from './scale-sets';
import { readServicePrincipal, type ServicePrincipal } from './service-principal';
import { SnapshotBlobs } from './snapshot-blobs';
import { StorageAccounts } from './storage-accounts';
import { Subscriptions } from './subscriptions';

/** What the service can see and do in one subscription. */
export class AzureSubscription {
  readonly customProviders: CustomProviders;
  readonly deployments: Deployments;
  readonly resourceGroups: ResourceGroups;
  readonly resources: Resources;
  readonly scaleSets: ScaleSets;
  readonly loadBalancers: LoadBalancers;
  readonly managedIdentities: ManagedIdentities;
  readonly storageAccounts: StorageAccounts;

  constructor(connection: AzureConnection, subscriptionId: string) {
    this.customProviders = new CustomProviders(connection, subscriptionId);
    this.deployments = new Deployments(connection, subscriptionId);
    this.resourceGroups = new ResourceGroups(connection, subscriptionId);
    this.resources = new Resources(connection, subscriptionId);
    this.scaleSets = new ScaleSets(connection, subscriptionId);
    this.loadBalancers = new LoadBalancers(connection, subscriptionId);
    this.managedIdentities = new ManagedIdentities(connection, subscriptionId);
    this.storageAccounts = new StorageAccounts(connection, subscriptionId);
  }
}

/** Azure, through one credential. */
export class Azure {
  readonly managedApplications: ManagedApplications;
  readonly subscriptions: Subscriptions;
  readonly snapshotBlobs: SnapshotBlobs;
  readonly metering: MarketplaceMetering;
  readonly #connection: AzureConnection;
  readonly #subscriptions = new Map<string, AzureSubscription>();

  constructor(connection: AzureConnection) {
    this.#connection = connection;
    this.managedApplications = new ManagedApplications(connection);
    this.subscriptions = new Subscriptions(connection);
    this.snapshotBlobs = new SnapshotBlobs(connection);
    this.metering = new MarketplaceMetering(connection);
  }

  /** Who the service is in Azure, by its own token. */
  principal(): Promise<ServicePrincipal> {
    return readServicePrincipal(this.#connection);
  }

  /** The clients for a subscription; made once, because each keeps its pipeline and its token. */
  inSubscription(subscriptionId: string): AzureSubscription {
    const key = subscriptionId.toLowerCase();
    const known = this.#subscriptions.get(key);
    if (known) return known;
    const made = new AzureSubscription(this.#connection, subscriptionId);
    this.#subscriptions.set(key, made);
    return made;
  }
}

/** Azure as the settings say. Calls nobody yet. */
export const openAzure = (settings: AzureSettings): Azure => new Azure(openAzureConnection(settings));
