import {
  AGENT_PROTOCOL_VERSION,
  agentIdentityUri,
  type AgentIdentity,
  type EnrolRequest,
  type EnrolResponse,
  type RenewRequest,
} from '@managed-consul/agent-protocol';
import type { Clock, Milliseconds } from '@managed-consul/config';
import type { Database, Prisma } from '@managed-consul/database';
import {
  CertificateRequestError,
  issueClientCertificate,
  type CertificateAuthority,
  type IssuedCertificate,
} from '@managed-consul/secrets';
import { AskedTogether } from './asked-together';
import type { ManagedIdentityVerifier } from './managed-identity-verifier';
import { RequestRefused } from './request-refused';

export interface EnrolmentsOptions {
  database: Database;
  authority: CertificateAuthority;
  verifier: ManagedIdentityVerifier;
  clock: Clock;
  certificateLifetime: Milliseconds;
}

/** An agent with the serial number (hexadecimal, in lower case) of the certificate that it shows. */
export interface CertificateHolder extends AgentIdentity {
  certificateSerial: string;
}

const nameOf = ({ clusterId, vmId, certificateSerial }: CertificateHolder): string => `${clusterId}/${vmId}/${certificateSerial}`;

/** Which agents may speak: proven by a managed identity, recorded in the database, and only while their cluster lives. */
export class Enrolments {
  readonly #options: EnrolmentsOptions;
  readonly #allowed: AskedTogether<CertificateHolder, boolean>;

  constructor(options: EnrolmentsOptions) {
    this.#options = options;
    this.#allowed = new AskedTogether(async (holders) => {
      const allowed = new Set((await this.findAllowed(holders)).map(nameOf));
      return holders.map((holder) => allowed.has(nameOf(holder)));
    });
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
    const replaced = { ...fields, previousCertificateSerial: null, enrolledAt: this.#options.clock.now() };
    if (written.count === 0) await this.#update(agent, replaced);
    return this.#answer(agent, certificate);
  }

  /**
   * A new certificate for an agent that shows a good one: the last that it got, or the one before, which an agent holds that
   * missed the answer. Of two that renew by turns with copies of one certificate, one is refused and has to prove itself: its
   * new enrolment shuts the other out. Throws `RequestRefused`.
   */
  async renew(holder: CertificateHolder, request: RenewRequest): Promise<EnrolResponse> {
    checkProtocol(request.protocolVersion);
    if (!(await this.isAllowed(holder))) throw notAllowed();
    const { certificateSerial: shown, clusterId, vmId } = holder;
    const agent = { clusterId, vmId };
    const certificate = await this.#issue(agent, request.certificateRequest);
    const { agentVersion, address } = request;
    const fields = { ...recordOf(certificate), previousCertificateSerial: shown, agentVersion, address };
    // Looked at again by the write: an enrolment that arrives meanwhile is never written over.
    const stillGood = { OR: [{ certificateSerial: shown }, { previousCertificateSerial: shown }] };
    await this.#update({ ...agent, ...stillGood }, fields);
    return this.#answer(agent, certificate);
  }

  /** The same about one; asked together with others that are asked about at that moment. */
  isAllowed(agent: CertificateHolder): Promise<boolean> {
    return this.#allowed.ask(agent);
  }

  /** Those of the given agents whose certificate is of their last enrolment, not revoked, and whose cluster has not been deleted. */
  async findAllowed(agents: readonly CertificateHolder[]): Promise<CertificateHolder[]> {
    const result = await this.#options.database.pool.query<CertificateHolder>(
      `SELECT e.cluster_id::text AS "clusterId", e.vm_id AS "vmId", asked.serial AS "certificateSerial"
       FROM unnest($1::uuid[], $2::text[], $3::text[]) AS asked (cluster_id, vm_id, serial)
       JOIN agent_enrolments e ON e.cluster_id = asked.cluster_id AND e.vm_id = asked.vm_id
       JOIN clusters c ON c.id = e.cluster_id
       WHERE e.revoked_at IS NULL AND c.deleted_at IS NULL
         AND asked.serial IN (e.certificate_serial, e.previous_certificate_serial)`,
      [agents.map((agent) => agent.clusterId), agents.map((agent) => agent.vmId), agents.map((agent) => agent.certificateSerial)],
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

  async #update(agent: Prisma.AgentEnrolmentWhereInput, data: object): Promise<void> {
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
