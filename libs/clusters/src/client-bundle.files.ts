import type { ClientBundleBody } from '@managed-consul/api-contract';
import type { ClientBundle } from './client-bundle';

/** Names of a client bundle's files; the configuration names the authority by the first. */
export const CLIENT_BUNDLE_FILES = { authority: 'ca.pem', configuration: 'client.json' } as const;

const { authority: CA_FILE, configuration: CONFIGURATION_FILE } = CLIENT_BUNDLE_FILES;

/** Consul's default gRPC port, by which Envoy sidecars reach their agent. */
const GRPC_PORT = 8502;

const readmeOf = ({ clusterName, datacenter }: ClientBundle): string => `# Join a machine to the Consul cluster ${clusterName}

1. Put ${CA_FILE} and ${CONFIGURATION_FILE} into one folder that only the user of Consul can read. ${CONFIGURATION_FILE} holds the gossip
   key of the cluster: whoever has it can take part in gossip.
2. Make an ACL token for the agent (with the root token: \`consul acl token create -node-identity=<node name>:${datacenter}\`, or a
   policy with \`node_prefix "" { policy = "write" }\` where the version has no node identities) and put it into a third file:

       { "acl": { "tokens": { "agent": "<secret id>", "default": "<secret id>" } } }

   An agent without a token cannot get its certificate and does not join.
3. Start the agent inside that folder, so that it finds ${CA_FILE}:

       consul agent -config-dir . -data-dir <folder> -bind <address of this machine>
`;

/** The bundle as files: the authority's certificate, an agent configuration without a token, and how to use them. */
export const writeBundle = (bundle: ClientBundle): ClientBundleBody => ({
  caPem: bundle.caPem,
  clientConfiguration: {
    datacenter: bundle.datacenter,
    ...(bundle.primaryDatacenter ? { primary_datacenter: bundle.primaryDatacenter } : {}),
    server: false,
    encrypt: bundle.gossipKey.reveal(),
    encrypt_verify_incoming: true,
    encrypt_verify_outgoing: true,
    retry_join: [...bundle.serverAddresses],
    ca_file: `./${CA_FILE}`,
    verify_outgoing: true,
    verify_server_hostname: true,
    auto_encrypt: { tls: true },
    acl: { enabled: true, default_policy: 'deny', enable_token_persistence: true },
    ports: { grpc: GRPC_PORT },
    connect: { enabled: true },
  },
  readme: readmeOf(bundle),
});
