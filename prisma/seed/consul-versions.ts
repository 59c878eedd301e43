import type { Prisma } from '@managed-consul/database';

/** The version that new clusters get unless they ask for another. */
const RECOMMENDED = '1.8.7';

/** The last community release of each line from 1.8 on. 1.10.12 is also a stop that every older cluster must make. */
const NEWEST_OF_LINES = [
  '1.8.19',
  '1.9.17',
  '1.10.12',
  '1.11.11',
  '1.12.9',
  '1.13.9',
  '1.14.11',
  '1.15.10',
  '1.16.6',
  '1.17.3',
  '1.18.2',
  '1.19.2',
  '1.20.6',
  '1.21.5',
] as const;

const VAULT_AUTHORITY = 'service mesh certificates fail when Vault is the authority';
const VAULT_NAMESPACE = 'service mesh certificates fail when Vault is the authority and uses namespaces';
const LEAF_RACE = 'certificates of the service mesh may be renewed wrongly under load; take 1.15.2 or later';
const RESTORE_BUG = 'restoring a snapshot can fail; take 1.16.3 or later';
const GATEWAY_NAMES = 'terminating gateways refuse certificates of services with a subject alternative name';

/** Releases with faults that the vendor mended later; nobody is led to them. */
const BLOCKED: Readonly<Record<string, string>> = {
  '1.11.9': VAULT_AUTHORITY,
  '1.11.10': VAULT_AUTHORITY,
  '1.12.5': VAULT_AUTHORITY,
  '1.13.0': 'a state from before 1.13 that holds proxies cannot be restored; take 1.13.3 or later',
  '1.13.2': VAULT_AUTHORITY,
  '1.13.8': 'Nomad cannot work with it',
  '1.14.0': 'Envoy cannot reach the servers over encrypted gRPC; take 1.14.1 or later',
  '1.14.10': VAULT_NAMESPACE,
  '1.15.0': LEAF_RACE,
  '1.15.1': LEAF_RACE,
  '1.15.6': VAULT_NAMESPACE,
  '1.16.0': RESTORE_BUG,
  '1.16.1': RESTORE_BUG,
  '1.16.2': VAULT_NAMESPACE,
  '1.16.5': GATEWAY_NAMES,
  '1.17.2': GATEWAY_NAMES,
};

/** From 1.17 on the vendor's licence is another; what is offered to third parties ends with 1.16. */
const licenceOf = (version: string): string => (Number(version.split('.')[1]) >= 17 ? 'BUSL-1.1' : 'MPL-2.0');

/**
 * The Consul versions of a new service. One can be installed only when its program has been fetched, its hash checked and
 * registered; until then it is known and no more.
 */
export const CONSUL_VERSIONS: readonly Prisma.ConsulVersionCreateManyInput[] = [
  { version: RECOMMENDED, status: 'RECOMMENDED', licence: licenceOf(RECOMMENDED) },
  ...NEWEST_OF_LINES.map((version) => ({ version, status: 'AVAILABLE' as const, licence: licenceOf(version) })),
  ...Object.entries(BLOCKED).map(([version, blockedReason]) => ({
    ...{ version, blockedReason, licence: licenceOf(version) },
    status: 'BLOCKED' as const,
  })),
];
