import { z } from 'zod';

const guid = z.guid().toLowerCase();

/** What the emulated Azure holds before anybody calls it: the file named by EMULATOR_SEED_FILE. */
export const seedSchema = z.strictObject({
  tenants: z.array(z.strictObject({ tenantId: guid, displayName: z.string().min(1) })).default([]),

  /** App registrations: what a token can be asked for. */
  applications: z
    .array(
      z.strictObject({
        applicationId: guid,
        displayName: z.string().min(1),
        /** Home tenant. Tokens can be asked for in every tenant, as if consent had been given. */
        tenantId: guid,
        /** e.g. `api://managed-consul` */
        identifierUris: z.array(z.string().min(1)).default([]),
        /** 1: `iss` is `https://sts.windows.net/{tenant}/`, `aud` the URI asked for; 2: `iss` is `{authority}/{tenant}/v2.0`, `aud` the application id. */
        accessTokenVersion: z.union([z.literal(1), z.literal(2)]).default(1),
      }),
    )
    .default([]),

  /** Who can sign in with a secret. `applicationId` need not be one of `applications`. */
  servicePrincipals: z
    .array(
      z.strictObject({
        objectId: guid,
        applicationId: guid,
        tenantId: guid,
        displayName: z.string().min(1),
        secret: z.string().min(1),
      }),
    )
    .default([]),

  /** A user can hold roles and get tokens by the password grant. */
  users: z
    .array(
      z.strictObject({
        objectId: guid,
        tenantId: guid,
        userPrincipalName: z.string().min(3),
        password: z.string().min(1).optional(),
      }),
    )
    .default([]),

  subscriptions: z
    .array(
      z.strictObject({
        subscriptionId: guid,
        tenantId: guid,
        displayName: z.string().min(1),
        /** Names of regions that resources may be put in, e.g. `westeurope`. */
        regions: z.array(z.string().regex(/^[a-z0-9]+$/)).min(1),
      }),
    )
    .default([]),

  resourceGroups: z
    .array(
      z.strictObject({
        subscriptionId: guid,
        name: z.string().min(1).max(90),
        location: z.string(),
        tags: z.record(z.string(), z.string()).default({}),
      }),
    )
    .default([]),

  roleAssignments: z
    .array(
      z.strictObject({
        /** `/subscriptions/{id}`, or the id of a group or resource. */
        scope: z.string().startsWith('/'),
        /** Name of a built-in role, e.g. `Owner`, or its GUID. */
        role: z.string().min(1),
        principalId: guid,
      }),
    )
    .default([]),

  /** Kubernetes clusters that customers have. Records only: nothing runs behind them. */
  managedClusters: z
    .array(
      z.strictObject({
        subscriptionId: guid,
        resourceGroup: z.string().min(1),
        name: z.string().min(1).max(63),
        location: z.string(),
        /** As GET shows them: `fqdn`, `kubernetesVersion`, `nodeResourceGroup`, `networkProfile`, `agentPoolProfiles` … */
        properties: z.record(z.string(), z.unknown()),
      }),
    )
    .default([]),

  /** What is answered under names that are not Azure's, e.g. lists that clients fetch from a repository's raw files. */
  publicDocuments: z
    .array(
      z
        .strictObject({
          host: z.string().toLowerCase().min(1),
          path: z.string().startsWith('/'),
          /** The document itself, or … */
          content: z.unknown().optional(),
          /** … the address that it is fetched from for every request, with the request's query. */
          source: z.url({ protocol: /^https?$/ }).optional(),
        })
        .refine(({ content, source }) => (content === undefined) !== (source === undefined), 'has either content or source'),
    )
    .default([]),

  /** Managed application definitions; each is PUT as a client would. */
  applicationDefinitions: z
    .array(
      z.strictObject({
        id: z.string().startsWith('/subscriptions/'),
        location: z.string(),
        properties: z.record(z.string(), z.unknown()),
        tags: z.record(z.string(), z.string()).optional(),
        /** The Marketplace plan that the definition stands for: applications of kind `MarketPlace` find it by this. */
        plan: z
          .strictObject({
            publisher: z.string().min(1),
            product: z.string().min(1),
            name: z.string().min(1),
            version: z.string().min(1),
          })
          .optional(),
        /** Dimensions of the plan that usage may be reported for. */
        dimensions: z.array(z.string().min(1)).default([]),
      }),
    )
    .default([]),
});

export type Seed = z.output<typeof seedSchema>;
/** As written in the file: what has a default may be left out. */
export type SeedFile = z.input<typeof seedSchema>;
