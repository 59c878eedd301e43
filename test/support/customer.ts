import { readFileSync } from 'node:fs';
import { ClientSecretCredential } from '@azure/identity';
import { createApiClient, type ApiClient, type ClusterBody, type OperationBody } from '@managed-consul/api-contract';
import type { ServiceStatus, SampleCustomer } from './service-status';

/** What a customer's program does: sign in to Entra, call the API, wait for operations. */
export interface Customer {
  readonly identity: SampleCustomer;
  readonly api: ApiClient;
  readonly credential: ClientSecretCredential;
  token(): Promise<string>;
  /** Waits by long-polling until the operation has ended; gives it as it ended. */
  untilEnded(operationId: string): Promise<OperationBody>;
  /** Creates a cluster and waits; fails with the operation's own words when it does not succeed. */
  createCluster(request: {
    name: string;
    servers: number;
    networkCidr: string;
    installationId?: string;
    /** Of the request itself, e.g. a correlation id. */
    headers?: Record<string, string>;
  }): Promise<ClusterBody>;
  /** Snapshots go as well: a cluster whose own time for one comes up while it lives would leave its storage behind. */
  deleteCluster(clusterId: string): Promise<void>;
}

const LONG_POLL_SECONDS = 30;
const ENDED = new Set(['Succeeded', 'Failed', 'Canceled']);

/** Signs in as one of the sample customers of the running service. */
export function signIn(status: ServiceStatus, identity: SampleCustomer): Customer {
  const credential = new ClientSecretCredential(identity.tenantId, identity.clientId, identity.clientSecret, {
    authorityHost: status.azure.authority,
    disableInstanceDiscovery: true,
    tlsOptions: { ca: readFileSync(status.azure.caFile, 'utf8') },
  });
  const token = async () => (await credential.getToken(`${status.api.audience}/.default`)).token;
  const api = createApiClient({ baseUrl: status.api.url, token });

  const untilEnded = async (operationId: string): Promise<OperationBody> => {
    for (;;) {
      const { body } = await api.call('getOperation', { params: { id: operationId }, query: { wait: LONG_POLL_SECONDS } });
      if (ENDED.has(body.status)) return body;
    }
  };
  const expectSuccess = async (operationId: string): Promise<void> => {
    const operation = await untilEnded(operationId);
    if (operation.status !== 'Succeeded')
      throw new Error(`${operation.kind} ended ${operation.status}: ${JSON.stringify(operation.error)}`);
  };

  return {
    identity,
    api,
    credential,
    token,
    untilEnded,
    createCluster: async ({ installationId = identity.installationId, headers = {}, ...request }) => {
      const body = { ...request, installationId, email: 'platform-team@example.com' };
      const accepted = await api.call('createCluster', { body, headers });
      await expectSuccess(accepted.body.operation.id);
      return (await api.call('getCluster', { params: { id: accepted.body.cluster.id } })).body;
    },
    deleteCluster: async (clusterId) => {
      const accepted = await api.call('deleteCluster', { params: { id: clusterId }, query: { keepSnapshots: 'false' } });
      if (accepted.body) await expectSuccess(accepted.body.operation.id);
    },
  };
}
