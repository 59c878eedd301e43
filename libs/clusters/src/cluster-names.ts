/** Names that requests and workflows share: whoever asks and whoever carries out must mean the same row. */

/** Kinds of operations that are asked for here. */
export const OPERATION_KINDS = {
  createCluster: 'create-cluster',
  deleteCluster: 'delete-cluster',
  createRootToken: 'create-root-token',
  registerInstallation: 'register-installation',
  removeInstallation: 'remove-installation',
} as const;

/** What an operation on a cluster holds alone. */
export const clusterSubject = (clusterId: string): string => `cluster/${clusterId}`;

/** What an operation on an installation holds alone. */
export const installationSubject = (installationId: string): string => `installation/${installationId}`;

/** What an operation on a managed application holds alone, before an installation exists for it. `applicationId` in lower case. */
export const applicationSubject = (applicationId: string): string => `application/${applicationId}`;

/** Under whose name secrets and certificates of a cluster are kept. */
export const secretOwnerOf = (clusterId: string): `cluster/${string}` => `cluster/${clusterId}`;

/** What the secrets of a cluster are for. */
export const SECRET_PURPOSES = {
  /** 32 random bytes in base64, as Consul's `encrypt` takes them. */
  gossipKey: 'gossip-key',
  certificateAuthorityKey: 'ca-key',
  managementToken: 'management-token',
} as const;

/** Secret id of a root token until Consul knows it. */
export const rootTokenPurpose = (accessorId: string): string => `root-token/${accessorId}`;

/** What the certificates of a cluster are for. */
export const CERTIFICATE_PURPOSES = { certificateAuthority: 'ca' } as const;

/** Input of `create-root-token`: the token whose secret waits under `rootTokenPurpose`. */
export interface CreateRootTokenInput {
  accessorId: string;
}

/** Input of `register-installation`: a managed application, or an installation that was asked for directly. */
export type RegisterInstallationInput =
  | { from: 'notification'; applicationId: string; eventType: 'PUT' | 'PATCH' }
  | { from: 'request'; installationId: string; owner: { tenantId: string; objectId: string } };

/**
 * Input of `remove-installation`: Azure said that a managed application is deleted. Asked for in the lane `Delete`, so that it
 * overtakes a registration that is under way.
 */
export interface RemoveInstallationInput {
  applicationId: string;
}
