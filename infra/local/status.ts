/** What runs and where, for people and for scripts. */
import { isAlive } from '../../tools/processes/process-identity';
import {
  adminApiUrl,
  agentGatewayUrl,
  apiUrl,
  azureProxyUrl,
  azureUrl,
  blobsUrl,
  databaseUrl,
  redisUrl,
  type LocalPlace,
} from './components';
import { ADMIN_AUDIENCE, API_AUDIENCE, applicationDefinitionId, GATEWAY_AUDIENCE } from './emulator-seed';
import { foldersOf } from './folders';
import { loadIdentities, type Principal } from './identities';
import type { LocalSettings } from './local-settings';
import { readState, type ComponentState } from './state-file';

export type LocalStatus = ReturnType<typeof statusOf>;

const sample = (principal: Principal) => ({ ...principal, grantedResourceGroup: `${principal.resourceGroup}-granted` });

const HOST = '127.0.0.1';

/** The gateways that run, by what `up` wrote down: how many there are is a setting of that `up`, not of who asks. */
function gatewaysOf(components: readonly ComponentState[]) {
  return components.flatMap(({ name, port, otherPorts }) => {
    const { internal } = otherPorts;
    if (port === null || internal === undefined) return [];
    return [{ name, url: `https://${HOST}:${port}`, internalUrl: `http://${HOST}:${internal}` }];
  });
}

/** Undefined when `up` has never run in this state folder. */
export function readStatus(settings: LocalSettings): LocalStatus | undefined {
  return readState(foldersOf(settings.stateFolder).stateFile) === undefined ? undefined : statusOf(settings);
}

function statusOf(settings: LocalSettings) {
  const folders = foldersOf(settings.stateFolder);
  const state = readState(folders.stateFile);
  const identities = loadIdentities(folders.secrets);
  const place: LocalPlace = { settings, folders, identities };
  const runs = state !== undefined && isAlive(state.supervisor);
  return {
    state: runs ? state.state : 'stopped',
    supervisorPid: runs ? state.supervisor.pid : null,
    stateFolder: folders.state,
    components: (state?.components ?? []).map(({ name, process, port, otherPorts, log, restarts }) => ({
      name,
      pid: process !== null && isAlive(process) ? process.pid : null,
      port,
      otherPorts,
      log,
      restarts,
    })),
    api: { url: apiUrl(place), audience: API_AUDIENCE },
    adminApi: { url: adminApiUrl(place), audience: ADMIN_AUDIENCE },
    gateway: { url: agentGatewayUrl(place), audience: GATEWAY_AUDIENCE, caFile: `${folders.secrets}/gateway-ca.pem` },
    gateways: gatewaysOf(state?.components ?? []),
    worker: { url: `http://${HOST}:${settings.ports.worker}` },
    azure: { endpoint: azureUrl(place), authority: azureUrl(place), proxy: azureProxyUrl(place), caFile: folders.caFile },
    blobStorage: { url: blobsUrl(place) },
    /** On each machine's own address, so there is no one URL. */
    instanceMetadata: { port: settings.ports.instanceMetadata },
    database: { url: databaseUrl(place) },
    redis: { url: redisUrl(place) },
    machineAddresses: settings.machineAddresses,
    samples: {
      customer: { ...sample(identities.customer), ...(state?.installationId ? { installationId: state.installationId } : {}) },
      otherCustomer: sample(identities.otherCustomer),
      applicationDefinitionId: applicationDefinitionId(identities),
    },
    cluster: state?.cluster ?? null,
    clusterCaFile: state?.cluster ? `${folders.state}/${state.cluster.name}/ca.pem` : null,
  };
}
