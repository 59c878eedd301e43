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

/**
 * What the parameters of a managed application ask for, in the names that the original service gave them. What is left out
 * gets the defaults of every cluster; what is wrong is told by the rules for every cluster.
 */
export function draftOfApplication(installationId: string, parameters: Readonly<Record<string, unknown>>): ClusterDraft {
  return {
    installationId,
    name: text(parameters['clusterName']),
    datacenter: text(parameters['consulDataCenter']),
    networkCidr: text(parameters['consulVnetCidr']),
    email: text(parameters['email']),
    consulVersion: text(parameters['initialConsulVersion'])?.replace(/^v/, ''),
    servers: serversOf(parameters),
    endpointVisibility: isYes(parameters['externalEndpoint']) ? 'Public' : 'Private',
  };
}
