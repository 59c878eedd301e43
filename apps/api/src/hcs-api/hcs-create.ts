import type { z } from 'zod';
import type { hcsOperations } from '@managed-consul/api-contract';
import type { ClusterDraft, ClusterWithServers } from '@managed-consul/clusters';
import type { ErrorDetail } from '@managed-consul/errors';
import { secondsOf } from './hcs-duration';

type Properties = NonNullable<z.output<typeof hcsOperations.CreateCluster.body>['properties']>;

/** A wish for a cluster in our own terms, and what of it cannot be had. */
export interface HcsDraft {
  draft: ClusterDraft;
  problems: ErrorDetail[];
  federationToken: string | undefined;
  sourceChannel: string | undefined;
}

const isYes = (text: string | undefined): boolean => ['enabled', 'true'].includes(text?.toLowerCase() ?? '');

/** Clients send empty texts for what they have no value for. */
const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

function serversOf({ consulNumServers, consulClusterMode }: Properties): number | undefined {
  const count = given(consulNumServers);
  if (count !== undefined) return Number(count);
  return consulClusterMode === 'DEVELOPMENT' ? 1 : undefined;
}

const problem = (field: string, code: string, message: string): ErrorDetail => ({
  code,
  target: `properties.${field}`,
  message,
});

function problemsOf(properties: Properties): ErrorDetail[] {
  const problems: ErrorDetail[] = [];
  const { consulSnapshotInterval, consulSnapshotRetention, consulConnect, consulNumServers } = properties;
  const lengths = Object.entries({ consulSnapshotInterval, consulSnapshotRetention });
  for (const [field, length] of lengths.filter(([, each]) => given(each) !== undefined && secondsOf(each ?? '') === undefined)) {
    problems.push(problem(field, 'InvalidValue', `Give a length of time such as 12h, 1d or 1m (a month), not '${length}'.`));
  }
  if (consulNumServers && !/^\d{1,2}$/.test(consulNumServers)) {
    problems.push(problem('consulNumServers', 'InvalidValue', 'Give the number of servers in digits: 1, 3 or 5.'));
  }
  if (given(consulConnect) !== undefined && !isYes(consulConnect)) {
    problems.push(problem('consulConnect', 'NotSupported', 'Connect is on in every cluster. Leave it out, or say enabled.'));
  }
  if (properties.auditLoggingEnabled === 'TRUE') problems.push(problem('auditLoggingEnabled', 'NotSupported', NO_AUDIT_LOG));
  return problems;
}

/** Why there are no audit logs of Consul. */
export const NO_AUDIT_LOG = 'Audit logs are a feature of Consul Enterprise, which this service does not run.';

/** Azure writes regions as `West Europe` too. */
const regionOf = (location: string | undefined): string | undefined => given(location)?.replaceAll(' ', '').toLowerCase();

const lengthOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : secondsOf(text));

/** What the properties of a new cluster ask for, in the terms of every other create. */
export function draftOfProperties(installationId: string, name: string, properties: Properties): HcsDraft {
  const problems = problemsOf(properties);
  const servers = serversOf(properties);
  const draft: ClusterDraft = {
    installationId,
    name,
    datacenter: given(properties.consulDatacenter),
    region: regionOf(properties.location),
    consulVersion: given(properties.consulInitialVersion)?.replace(/^v/, ''),
    servers: Number.isNaN(servers) ? undefined : servers,
    networkCidr: given(properties.consulVnetCidr),
    email: given(properties.email),
    endpointVisibility: isYes(properties.consulExternalEndpoint) ? 'Public' : 'Private',
    upgradePolicy: isYes(properties.consulAutomaticUpgrades) ? 'Automatic' : 'Manual',
    snapshotIntervalSeconds: lengthOf(given(properties.consulSnapshotInterval)),
    snapshotRetentionSeconds: lengthOf(given(properties.consulSnapshotRetention)),
  };
  const { federationToken, sourceChannel } = properties;
  return { draft, problems, federationToken: given(federationToken), sourceChannel: given(sourceChannel) };
}

/**
 * What a wish says other than the cluster is. A PUT that is sent again, or that repeats what was read, says the same; a cluster
 * is changed by `update` alone.
 */
export const differencesFrom = (cluster: ClusterWithServers, properties: Properties): string[] => {
  const { draft } = draftOfProperties(cluster.installationId, cluster.name, properties);
  const { consulVersion: _version, email: _email, endpointVisibility, upgradePolicy, name: _name, ...rest } = draft;
  const said = {
    ...rest,
    ...(given(properties.consulExternalEndpoint) === undefined ? {} : { endpointVisibility }),
    ...(given(properties.consulAutomaticUpgrades) === undefined ? {} : { upgradePolicy }),
  };
  const is: Record<string, unknown> = { ...cluster };
  return Object.entries<unknown>(said).flatMap(([field, value]) => (value !== undefined && is[field] !== value ? [field] : []));
};
