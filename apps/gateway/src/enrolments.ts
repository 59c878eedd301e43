import {
  AGENT_PROTOCOL_VERSION,
  agentIdentityUri,
  type AgentIdentity,
  type EnrolRequest,
  type EnrolResponse,
  type RenewRequest,
} from '@managed-consul/agent-protocol';
import type { Clock, Milliseconds } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';
import {
  CertificateRequestError,
  issueClientCertificate,
  type CertificateAuthority,
  type IssuedCertificate,
} from '@managed-consul/secrets';
import type { ManagedIdentityVerifier } from './managed-identity-verifier';
import { RequestRefused } from './request-refused';

export interface EnrolmentsOptions {
  database: Database;
  authority: CertificateAuthority;
  verifier: ManagedIdentityVerifier;
  clock: Clock;
  certificateLifetime: Milliseconds;
}

interface Row {
  clusterId: string;
  vmId: string;
}

/** Which agents may speak: proven by a managed identity, recorded in the database, and only while their cluster lives. */
export class Enrolments {
  readonly #options: EnrolmentsOptions;

  constructor(options: EnrolmentsOptions) {
    this.#options = options;
  }

  /** Turns a proof of identity into a client certificate. Enrolling again replaces the earlier enrolment. Throws `RequestRefused`. */
  async enrol(request: EnrolRequest): Promise<EnrolResponse> {
    checkProtocol(request.protocolVersion);
    const clusterId = await this.#proveCluster(request.token);
    const agent = { clusterId, vmId: request.vmId };
    const certificate = await this.#issue(agent, request.certificateRequest);
    const fields = { ...recordOf(certificate), agentVersion: request.agentVersion, address: request.address };
    const { prisma } = this.#options.database;
    // One statement: a revocation that arrives meanwhile is never written over.
    const written = await prisma.agentEnrolment.createMany({ data: [{ ...agent, ...fields }], skipDuplicates: true });
    if (written.count === 0) await this.#update(agent, { ...fields, enrolledAt: this.#options.clock.now() });
    return this.#answer(agent, certificate);
  }

  /** A new certificate for an agent that shows a good one. Throws `RequestRefused`. */
  async renew(agent: AgentIdentity, request: RenewRequest): Promise<EnrolResponse> {
    checkProtocol(request.protocolVersion);
    if (!(await this.isAllowed(agent))) throw notAllowed();
    const certificate = await this.#issue(agent, request.certificateRequest);
    await this.#update(agent, { ...recordOf(certificate), agentVersion: request.agentVersion, address: request.address });
    return this.#answer(agent, certificate);
  }

  async isAllowed(agent: AgentIdentity): Promise<boolean> {
    return (await this.findAllowed([agent])).length > 0;
  }

  /** Those of the given agents that are enrolled, not revoked, and whose cluster has not been deleted. */
  async findAllowed(agents: readonly AgentIdentity[]): Promise<AgentIdentity[]> {
    const result = await this.#options.database.pool.query<Row>(
      `SELECT e.cluster_id::text AS "clusterId", e.vm_id AS "vmId"
       FROM unnest($1::uuid[], $2::text[]) AS asked (cluster_id, vm_id)
       JOIN agent_enrolments e ON e.cluster_id = asked.cluster_id AND e.vm_id = asked.vm_id
       JOIN clusters c ON c.id = e.cluster_id
       WHERE e.revoked_at IS NULL AND c.deleted_at IS NULL`,
      [agents.map((agent) => agent.clusterId), agents.map((agent) => agent.vmId)],
    );
    return result.rows;
  }

  /** The living cluster whose identity the token proves. */
  async #proveCluster(token: string): Promise<string> {
    const { verifier, database } = this.#options;
    const claimed = verifier.readClaims(token);
    const cluster = await database.prisma.cluster.findUnique({
      where: { identityResourceId: claimed.identityResourceId },
      select: { id: true, deletedAt: true, installation: { select: { tenantId: true } } },
    });
    // Only the keys of a tenant that we serve are ever fetched, and a stranger learns nothing from the answer.
    const tenantId = cluster?.installation.tenantId.toLowerCase();
    if (!cluster || cluster.deletedAt || tenantId !== claimed.tenantId) throw notAllowed();
    await verifier.verify(token, tenantId);
    return cluster.id;
  }

  async #issue(agent: AgentIdentity, certificateRequestPem: string): Promise<IssuedCertificate> {
    const { authority, clock, certificateLifetime: lifetimeMs } = this.#options;
    try {
      return await issueClientCertificate(authority, {
        certificateRequestPem,
        identityUri: agentIdentityUri(agent),
        commonName: agent.vmId,
        now: clock.now(),
        lifetimeMs,
      });
    } catch (error) {
      if (error instanceof CertificateRequestError)
        throw new RequestRefused(400, 'InvalidCertificateRequest', error.message, error);
      throw error;
    }
  }

  async #update(agent: AgentIdentity, data: object): Promise<void> {
    const renewedAt = this.#options.clock.now();
    const { count } = await this.#options.database.prisma.agentEnrolment.updateMany({
      where: { ...agent, revokedAt: null },
      data: { ...data, renewedAt },
    });
    if (count === 0) throw notAllowed();
  }

  #answer({ clusterId }: AgentIdentity, certificate: IssuedCertificate): EnrolResponse {
    return {
      clusterId,
      certificate: certificate.pem,
      caCertificates: [this.#options.authority.certificatePem],
      expiresAt: certificate.notAfter.toISOString(),
    };
  }
}

const recordOf = (certificate: IssuedCertificate) => ({
  certificateSerial: certificate.serial,
  certificateNotAfter: certificate.notAfter,
});

function notAllowed(): RequestRefused {
  return new RequestRefused(403, 'AuthorizationFailed', 'No living cluster has this identity, or the machine was shut out.');
}

function checkProtocol(version: number): void {
  if (version === AGENT_PROTOCOL_VERSION) return;
  throw new RequestRefused(
    400,
    'ProtocolVersionUnsupported',
    `The gateway speaks version ${AGENT_PROTOCOL_VERSION} of the protocol, the agent version ${version}. Run the agent that the gateway offers.`,
  );
}
