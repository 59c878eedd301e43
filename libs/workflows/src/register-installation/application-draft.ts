import type { ClusterDraft } from '@managed-consul/clusters';

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;

/** Numbers come as numbers or as text, by the control of the form that asked for them. */
function wholeNumber(value: unknown): number | undefined {
  const given = typeof value === 'number' ? value : text(value);
  return given === undefined ? undefined : Number(given);
}

const isYes = (value: unknown): boolean =>
  value === true || ['enabled', 'true', 'public'].includes(text(value)?.toLowerCase() ?? '');

const serversOf = (parameters: Readonly<Record<string, unknown>>): number | undefined =>
  wholeNumber(parameters['numServers']) ?? (text(parameters['clusterMode'])?.toUpperCase() === 'DEVELOPMENT' ? 1 : undefined);

/** A cluster that a managed application is the order for. */
export interface ApplicationOrder {
  draft: ClusterDraft;
  /** Makes the cluster a secondary datacenter of the one that made the token. */
  federationToken: string | undefined;
  /** The program that placed the order, where it says so. */
  sourceChannel: string | undefined;
}

/**
 * What the parameters of a managed application ask for, in the names that the original service gave them. What is left out
 * gets the defaults of every cluster; what is wrong is told by the rules for every cluster.
 */
export function orderOfApplication(installationId: string, parameters: Readonly<Record<string, unknown>>): ApplicationOrder {
  const draft: ClusterDraft = {
    installationId,
    name: text(parameters['clusterName']),
    datacenter: text(parameters['consulDataCenter']),
    networkCidr: text(parameters['consulVnetCidr']),
    email: text(parameters['email']),
    consulVersion: text(parameters['initialConsulVersion'])?.replace(/^v/, ''),
    servers: serversOf(parameters),
    endpointVisibility: isYes(parameters['externalEndpoint']) ? 'Public' : 'Private',
  };
  const { federationToken, sourceChannel } = parameters;
  return { draft, federationToken: text(federationToken), sourceChannel: text(sourceChannel) };
}
