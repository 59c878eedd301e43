import { z } from 'zod';

/** Grows when a message changes in a way that an older side would misread; both sides refuse a version they do not know. */
export const AGENT_PROTOCOL_VERSION = 1;

/** ALPN name by which a TLS connection to the gateway says that it is an agent's tunnel. */
export const AGENT_TUNNEL_ALPN = 'managed-consul-agent/1';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');
const pem = z.string().min(1).max(65_536).includes('-----BEGIN ');
const vmId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, 'must be an Azure vmId');
const protocolVersion = z.number().int().positive();

export const consulPlatformSchema = z.enum(['linux-amd64', 'linux-arm64']);
export type ConsulPlatform = z.infer<typeof consulPlatformSchema>;

/** `agent.json` on the machine, as the cloud-config writes it. */
export const agentConfigurationSchema = z.strictObject({
  gatewayUrl: z.url(),
  gatewayAudience: z.string().min(1),
  bundleSha256: sha256,
  /** The Consul program, by platform, that the machine will be asked to run: it can be brought while the machine starts. */
  consulSha256: z.partialRecord(consulPlatformSchema, sha256).optional(),
});
export type AgentConfiguration = z.infer<typeof agentConfigurationSchema>;

/** `POST /enrol`: who the machine says it is, the proof, and the key that it wants a certificate for. */
export const enrolRequestSchema = z.strictObject({
  /** Access token of the machine's managed identity, for the gateway's audience. */
  token: z.string().min(1).max(16_384),
  certificateRequest: pem,
  vmId,
  name: z.string().min(1).max(128),
  address: z.ipv4(),
  agentVersion: z.string().min(1).max(64),
  protocolVersion,
});
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;

/** `POST /renew`, over the certificate that is about to end. */
export const renewRequestSchema = z.strictObject({
  certificateRequest: pem,
  address: z.ipv4(),
  agentVersion: z.string().min(1).max(64),
  protocolVersion,
});
export type RenewRequest = z.infer<typeof renewRequestSchema>;

/** Answer to both: the client certificate and who the gateway now knows the agent to be. */
export const enrolResponseSchema = z.object({
  clusterId: z.uuid(),
  certificate: pem,
  caCertificates: z.array(pem).min(1),
  expiresAt: z.iso.datetime(),
});
export type EnrolResponse = z.infer<typeof enrolResponseSchema>;

export const serverCertificateRequestSchema = z.strictObject({
  datacenter: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  nodeName: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/),
  address: z.ipv4(),
  /**
   * Names the key that the certificate is for: a new one is made for each new id, and the same id always gives the same key.
   * The key in force stays until a desired state carries a certificate for another; without an id it is the one asked about.
   */
  keyId: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/)
    .optional(),
});
export type ServerCertificateRequest = z.infer<typeof serverCertificateRequestSchema>;

export const serverCertificateRequestResponseSchema = z.object({ certificateRequest: pem });
export type ServerCertificateRequestResponse = z.infer<typeof serverCertificateRequestResponseSchema>;

/** A Consul program. */
export const consulProgramSchema = z.strictObject({
  version: z.string().regex(/^\d+\.\d+\.\d+[A-Za-z0-9.+-]*$/),
  /** SHA-256 of the program by platform; downloaded from `<gatewayUrl>/artifacts/<sha256>`. */
  sha256: z.partialRecord(consulPlatformSchema, sha256),
});

/** What a server is to be, without its hash: see `sealDesiredState`. */
export const desiredStateFieldsSchema = z.strictObject({
  /** Consul node name. */
  serverName: serverCertificateRequestSchema.shape.nodeName,
  datacenter: serverCertificateRequestSchema.shape.datacenter,
  /** False stops Consul and keeps it stopped. */
  running: z.boolean(),
  /**
   * With `running` false: Consul is not stopped, because it was told to leave its cluster and ends by itself; it is only not
   * started again.
   */
  endsByItself: z.literal(true).optional(),
  consul: consulProgramSchema,
  /** The whole Consul configuration; paths in it are relative to `$STATE_DIRECTORY/consul`. */
  configuration: z.record(z.string(), z.json()),
  caCertificate: pem,
  serverCertificate: pem,
});
export type DesiredStateFields = z.infer<typeof desiredStateFieldsSchema>;

/** `PUT /v1/desired-state`. */
export const desiredStateSchema = desiredStateFieldsSchema.extend({ hash: sha256 });
export type DesiredState = z.infer<typeof desiredStateSchema>;

const problemSchema = z.object({
  /** Stable: `ArtifactMismatch`, `DownloadFailed`, `ConfigurationInvalid`, `CertificateInvalid`, `ConsulDidNotStart`, `PlatformUnsupported`, `RefusedAsRoot`, `Unexpected`. */
  code: z.string(),
  message: z.string(),
  at: z.iso.datetime(),
});

/** `GET /v1/state`. */
export const reportedStateSchema = z.object({
  appliedHash: z.string().nullable(),
  /** Hash of the newest state that was asked for; equal to `appliedHash` once it is in force. */
  desiredHash: z.string().nullable(),
  phase: z.enum(['idle', 'applying', 'applied', 'failed']),
  error: problemSchema.optional(),
  consul: z.object({
    running: z.boolean(),
    pid: z.number().int().optional(),
    version: z.string().optional(),
    startedAt: z.iso.datetime().optional(),
    /** By which Raft knows the server; it has one from its first start on, whether it runs or not. */
    nodeId: z.string().optional(),
  }),
});
export type ReportedState = z.infer<typeof reportedStateSchema>;
export type ReportedProblem = z.infer<typeof problemSchema>;

/** `GET /v1/health`. */
export const agentHealthSchema = z.object({
  agent: z.object({
    version: z.string(),
    protocolVersion,
    startedAt: z.iso.datetime(),
    certificateExpiresAt: z.iso.datetime(),
  }),
  consul: z.object({
    running: z.boolean(),
    pid: z.number().int().optional(),
    version: z.string().optional(),
    uptimeSeconds: z.number().optional(),
    /** How often the agent had to start a Consul that had died. */
    unplannedRestarts: z.number().int(),
  }),
  disk: z.object({ freeBytes: z.number(), totalBytes: z.number() }),
  lastError: problemSchema.optional(),
});
export type AgentHealth = z.infer<typeof agentHealthSchema>;

/** Body of every refusal by gateway or agent. */
export const agentErrorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
export type AgentErrorBody = z.infer<typeof agentErrorSchema>;

/** Answer header that marks a refusal as the gateway's or the agent's own, apart from one by Consul behind them. */
export const REFUSAL_HEADER = 'x-managed-consul-refusal';

/** Consul's address behind the agent: `/v1/consul/v1/kv/x` on the tunnel is `/v1/kv/x` of the local Consul. */
export const CONSUL_PROXY_PREFIX = '/v1/consul';
