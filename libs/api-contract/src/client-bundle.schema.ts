import { z } from 'zod';

/** The configuration of a Consul client agent, as Consul reads it (field names are Consul's). */
export const consulClientConfigurationSchema = z
  .strictObject({
    datacenter: z.string(),
    primary_datacenter: z.string().optional().meta({ description: 'Only in a federation.' }),
    server: z.literal(false),
    encrypt: z.string().meta({ description: 'Gossip key: keep it secret.' }),
    encrypt_verify_incoming: z.literal(true),
    encrypt_verify_outgoing: z.literal(true),
    retry_join: z.array(z.string()),
    ca_file: z.string(),
    verify_outgoing: z.literal(true),
    verify_server_hostname: z.literal(true),
    auto_encrypt: z.strictObject({ tls: z.literal(true) }),
    acl: z.strictObject({
      enabled: z.literal(true),
      default_policy: z.literal('deny'),
      enable_token_persistence: z.literal(true),
    }),
    ports: z.strictObject({ grpc: z.int() }),
    connect: z.strictObject({ enabled: z.literal(true) }),
  })
  .meta({ id: 'ConsulClientConfiguration' });

/** Everything but an ACL token that a Consul client agent needs to join. */
export const clientBundleSchema = z
  .strictObject({
    caPem: z.string(),
    clientConfiguration: consulClientConfigurationSchema,
    readme: z.string(),
  })
  .meta({ id: 'ClientBundle' });
export type ClientBundleBody = z.infer<typeof clientBundleSchema>;
