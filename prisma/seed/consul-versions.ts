import type { Prisma } from '@managed-consul/database';

/** The Consul versions of a new service. Their programs are registered when one has been fetched and its hash checked. */
export const CONSUL_VERSIONS: readonly Prisma.ConsulVersionCreateManyInput[] = [
  { version: '1.8.7', status: 'RECOMMENDED', licence: 'MPL-2.0' },
];
