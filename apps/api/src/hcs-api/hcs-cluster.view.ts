import type { z } from 'zod';
import type { ClientBundleBody, hcsClusterPropertiesSchema, hcsClusterSchema } from '@managed-consul/api-contract';
import type { ClusterOrigin } from '@managed-consul/clusters';
import type { Cluster, Installation, ProvisioningState } from '@managed-consul/database';
import { showUsedFederationToken } from '@managed-consul/federation';
import { durationOf } from './hcs-duration';

type Properties = z.infer<typeof hcsClusterPropertiesSchema>;

const TYPE = 'Microsoft.CustomProviders/resourceProviders/consulClusters';

/** The API has no state for a change that is under way: the cluster runs on meanwhile. */
const STATES: Record<ProvisioningState, NonNullable<Properties['state']>> = {
  Accepted: 'PENDING',
  Creating: 'CREATING',
  Updating: 'RUNNING',
  Succeeded: 'RUNNING',
  Failed: 'FAILED',
  Canceled: 'FAILED',
  Deleting: 'DELETING',
  Deleted: 'DELETING',
};

const enabled = (is: boolean): string => (is ? 'enabled' : 'disabled');

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** Blob container of the snapshots in a cluster's storage account. */
const SNAPSHOTS_CONTAINER = 'snapshots';

/** The names of a cluster's resources differ in their last word only; that of the identity is recorded. */
const vnetNameOf = ({ identityResourceId }: Cluster): string | undefined => {
  const base = /([^/]+)-identity$/.exec(identityResourceId ?? '')?.[1];
  return base && `${base}-vnet`;
};

/** What is not known yet is left out. */
const known = <Name extends keyof Properties>(name: Name, value: string | null | undefined): { [Key in Name]?: string } =>
  (value ? { [name]: value } : {}) as { [Key in Name]?: string };

/** What is to be shown of a cluster; the bundle, which holds its gossip key, only where the caller may have it. */
export interface ShownCluster {
  cluster: Cluster;
  installation: Installation;
  origin: ClusterOrigin;
  bundle: ClientBundleBody | undefined;
  /** Whose datacenter it follows. */
  primaryClusterId: string | undefined;
}

const filesOf = (bundle: ClientBundleBody | undefined): Properties =>
  bundle ? { consulConfigFile: base64(JSON.stringify(bundle.clientConfiguration)), consulCaFile: base64(bundle.caPem) } : {};

const placesOf = ({ cluster, installation }: ShownCluster): Properties => ({
  ...(cluster.storageAccountName
    ? {
        storageAccountName: cluster.storageAccountName,
        storageAccountResourceGroup: installation.resourceGroup,
        blobContainerName: SNAPSHOTS_CONTAINER,
      }
    : {}),
  location: cluster.region,
  ...known('managedAppId', installation.applicationIdAsWritten ?? installation.applicationId),
  ...known('managedIdentity', cluster.identityResourceId),
  ...known('vnetName', vnetNameOf(cluster)),
  consulVnetCidr: cluster.networkCidr,
});

function propertiesOf(shown: ShownCluster): Properties {
  const { cluster, origin, bundle, primaryClusterId } = shown;
  return {
    state: STATES[cluster.provisioningState],
    ...placesOf(shown),
    consulClusterId: cluster.id,
    consulInitialVersion: origin.consulVersion,
    consulCurrentVersion: cluster.observedConsulVersion ?? cluster.consulVersion,
    consulDatacenter: cluster.datacenter,
    consulNumServers: String(cluster.servers),
    consulClusterMode: cluster.servers === 1 ? 'DEVELOPMENT' : 'PRODUCTION',
    consulAutomaticUpgrades: enabled(cluster.upgradePolicy === 'Automatic'),
    consulConnect: enabled(true),
    consulExternalEndpoint: enabled(cluster.endpointVisibility === 'Public'),
    ...known('consulExternalEndpointUrl', cluster.publicEndpointUrl),
    ...known('consulPrivateEndpointUrl', cluster.privateEndpointUrl),
    consulSnapshotInterval: durationOf(cluster.snapshotIntervalSeconds),
    consulSnapshotRetention: durationOf(cluster.snapshotRetentionSeconds),
    ...filesOf(bundle),
    email: cluster.email,
    ...known('federationToken', primaryClusterId && showUsedFederationToken(primaryClusterId)),
    ...known('sourceChannel', origin.sourceChannel),
    // Audit logs are a feature of Consul Enterprise.
    auditLoggingEnabled: 'FALSE',
  };
}

/** A cluster in the shape of the HCS API. The federation token that it shows opens nothing; one that does is shown by its request alone. */
export function showHcsCluster(shown: ShownCluster): z.infer<typeof hcsClusterSchema> {
  const { subscriptionId, resourceGroup } = shown.installation;
  const { name } = shown.cluster;
  const provider = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.CustomProviders`;
  const id = `${provider}/resourceProviders/public/consulClusters/${name}`;
  return { id, name, type: TYPE, properties: propertiesOf(shown) };
}
