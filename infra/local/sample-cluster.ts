/** The sample cluster `hello`, bought as a customer buys it: a managed application, made with Azure's own client. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApplicationClient } from '@azure/arm-managedapplications';
import { ClientSecretCredential } from '@azure/identity';
import { createApiClient, type ApiClient, type ClusterBody } from '@managed-consul/api-contract';
import { apiUrl, azureUrl, type LocalPlace, type LocalWorld } from './components';
import { ADMIN_AUDIENCE, API_AUDIENCE, applicationDefinitionId, SAMPLE_REGION } from './emulator-seed';
import { httpsStatus } from './health';
import { followOperation, type StepEvent } from './operation-stream';

export const SAMPLE_NAME = 'hello';
const POLL_EVERY = 300;
const CONSUL_HTTPS_PORT = 8501;

export interface SampleCluster {
  installationId: string;
  cluster: ClusterBody;
  /** Authority of the cluster's own certificates. */
  caFile: string;
}

type Say = (line: string) => void;

const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_EVERY));

/** The sample customer's sign-in, by Azure's own client. */
export function customerCredential(world: LocalPlace): ClientSecretCredential {
  const { tenantId, clientId, clientSecret } = world.identities.customer;
  return new ClientSecretCredential(tenantId, clientId, clientSecret, {
    authorityHost: azureUrl(world),
    disableInstanceDiscovery: true,
  });
}

/** A bearer token of the sample customer for the API. */
export async function customerToken(credential: ClientSecretCredential): Promise<string> {
  return (await credential.getToken(`${API_AUDIENCE}/.default`)).token;
}

/** A bearer token of the sample operator for the operators' API. */
export async function operatorToken(world: LocalPlace): Promise<string> {
  const { tenantId, clientId, clientSecret } = world.identities.publisher;
  const options = { authorityHost: azureUrl(world), disableInstanceDiscovery: true };
  const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, options);
  return (await credential.getToken(`${ADMIN_AUDIENCE}/.default`)).token;
}

async function buyApplication(world: LocalWorld, credential: ClientSecretCredential): Promise<void> {
  const { subscriptionId, resourceGroup } = world.identities.customer;
  const scope = `${azureUrl(world)}/.default`;
  const client = new ApplicationClient(credential, subscriptionId, { endpoint: azureUrl(world), credentialScopes: [scope] });
  await client.applications.beginCreateOrUpdateAndWait(
    resourceGroup,
    SAMPLE_NAME,
    {
      location: SAMPLE_REGION,
      kind: 'ServiceCatalog',
      managedResourceGroupId: `/subscriptions/${subscriptionId}/resourceGroups/${SAMPLE_NAME}-managed`,
      applicationDefinitionId: applicationDefinitionId(world.identities),
      parameters: {
        clusterName: { value: SAMPLE_NAME },
        consulDataCenter: { value: SAMPLE_NAME },
        clusterMode: { value: 'PRODUCTION' },
        consulVnetCidr: { value: '172.25.16.0/24' },
        email: { value: 'platform-team@example.com' },
      },
    },
    { updateIntervalInMs: 200 },
  );
}

async function findSample(api: ApiClient): Promise<ClusterBody | undefined> {
  const { body } = await api.call('listClusters');
  return body.value.find((cluster) => cluster.name === SAMPLE_NAME && cluster.provisioningState !== 'Deleted');
}

/** Waits for the API to know the cluster, which begins with Azure's notification. Says why when the registration fails. */
async function waitForSample(api: ApiClient, signal: AbortSignal): Promise<ClusterBody> {
  for (;;) {
    signal.throwIfAborted();
    const found = await findSample(api);
    if (found) return found;
    const installations = await api.call('listInstallations');
    const failed = installations.body.value.find((one) => one.state === 'Failed');
    if (failed) throw new Error(`The installation of ${SAMPLE_NAME} failed: ${failed.failureMessage ?? 'no reason given'}`);
    await pause();
  }
}

function stepPrinter(say: Say): (step: StepEvent) => void {
  const shown = new Map<string, string>();
  return (step) => {
    const name = step.item === '' ? step.name : `${step.name} (${step.item})`;
    const text =
      step.state === 'Waiting'
        ? `waiting: ${step.waitingFor ?? ''}`
        : step.error
          ? `${step.state}: ${step.error.message}`
          : step.state;
    if (shown.get(name) === text || step.state === 'Running') return;
    shown.set(name, text);
    say(`    ${name}  ${text.toLowerCase() === 'succeeded' ? 'done' : text}`);
  };
}

async function followCreate(
  world: LocalWorld,
  api: ApiClient,
  token: () => Promise<string>,
  clusterId: string,
  say: Say,
  signal: AbortSignal,
) {
  const { body } = await api.call('listClusterOperations', { params: { id: clusterId } });
  const create = body.value.find((operation) => operation.kind === 'create-cluster');
  if (!create) throw new Error(`The cluster ${SAMPLE_NAME} has no create operation.`);
  const end = await followOperation({ apiUrl: apiUrl(world), operationId: create.id, token, onStep: stepPrinter(say), signal });
  if (end.status !== 'Succeeded') {
    throw new Error(
      `Creating ${SAMPLE_NAME} ended ${end.status}: ${end.error?.message ?? 'no reason given'} (operation ${create.id})`,
    );
  }
}

async function writeCa(world: LocalWorld, api: ApiClient, clusterId: string): Promise<string> {
  const { body } = await api.call('createClientBundle', { params: { id: clusterId }, body: {} });
  const folder = join(world.folders.state, SAMPLE_NAME);
  mkdirSync(folder, { recursive: true });
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, body.caPem);
  return caFile;
}

/** A cluster of an earlier run has to boot and elect a leader first. */
async function waitForLeader({ observed, datacenter }: ClusterBody, caFile: string, signal: AbortSignal): Promise<void> {
  const ca = readFileSync(caFile, 'utf8');
  const servername = `server.${datacenter}.consul`;
  for (;;) {
    signal.throwIfAborted();
    for (const { address } of observed.servers) {
      const answer = await httpsStatus(`https://${address}:${CONSUL_HTTPS_PORT}/v1/status/leader`, ca, servername);
      if (answer?.status === 200 && answer.body.includes(':')) return;
    }
    await pause();
  }
}

/** Makes the sample cluster, or finds that of an earlier run, and waits until it has a leader. Says each step as it goes. */
export async function provisionSampleCluster(world: LocalWorld, say: Say, signal: AbortSignal): Promise<SampleCluster> {
  const credential = customerCredential(world);
  const token = () => customerToken(credential);
  const api = createApiClient({ baseUrl: apiUrl(world), token });
  let cluster = await findSample(api);
  if (!cluster) {
    say(`  ${SAMPLE_NAME}: buying a managed application`);
    const [, found] = await Promise.all([buyApplication(world, credential), waitForSample(api, signal)]);
    cluster = found;
  }
  if (cluster.provisioningState !== 'Succeeded') {
    say(`  ${SAMPLE_NAME}: creating cluster ${cluster.id}`);
    await followCreate(world, api, token, cluster.id, say, signal);
    cluster = (await api.call('getCluster', { params: { id: cluster.id } })).body;
  }
  const caFile = await writeCa(world, api, cluster.id);
  await waitForLeader(cluster, caFile, signal);
  return { installationId: cluster.installationId, cluster, caFile };
}
