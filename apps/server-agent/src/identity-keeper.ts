import { createPrivateKey, X509Certificate } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_PROTOCOL_VERSION, type EnrolResponse } from '@managed-consul/agent-protocol';
import type { Clock } from '@managed-consul/config';
import { z } from 'zod';
import { AGENT_VERSION } from './agent-version';
import { ensureFolder, readFileIfThere, writeFileAtomically } from './atomic-file';
import { createCertificateRequest, newPrivateKey } from './certificate-request';
import { GatewayRefusedError, type ClientCredential, type GatewayCalls } from './gateway-calls';
import type { Instance, InstanceMetadata } from './instance-metadata';
import type { Log } from './log';

const identitySchema = z.object({ vmId: z.string(), clusterId: z.string(), keyPem: z.string(), certificatePem: z.string() });
type StoredIdentity = z.infer<typeof identitySchema>;

/** Who the agent is to the gateway, with the life of its certificate. */
export interface Identity extends ClientCredential {
  clusterId: string;
  notBefore: Date;
  notAfter: Date;
}

export interface IdentityKeeperOptions {
  folder: string;
  gateway: GatewayCalls;
  metadata: InstanceMetadata;
  audience: string;
  clock: Clock;
  log: Log;
}

/**
 * Holds the agent's client certificate: enrols with the machine's managed identity when there is none that is good, renews
 * after two thirds of its life. Key and certificate are one file (0600), replaced whole, so they always belong together.
 */
export class IdentityKeeper {
  readonly #options: IdentityKeeperOptions;
  readonly #path: string;
  #identity: Identity | undefined;
  #loaded = false;
  #instance: Instance | undefined;
  #renewal: Promise<boolean> | undefined;
  #onChange: () => void = () => undefined;

  constructor(options: IdentityKeeperOptions) {
    this.#options = options;
    this.#path = join(options.folder, 'identity.json');
  }

  /** Called after each new certificate. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** The identity in hand, good or not. */
  get present(): Identity | undefined {
    return this.#identity;
  }

  /** A valid identity; enrols if need be. Throws when the machine cannot prove itself now. */
  async ensure(): Promise<Identity> {
    const instance = (this.#instance ??= await this.#options.metadata.readInstance());
    if (!this.#loaded) await this.#load(instance);
    if (this.#identity && this.#identity.notAfter > this.#options.clock.now()) return this.#identity;
    return this.#enrol(instance);
  }

  /**
   * Renews when two thirds of the certificate's life are over. True when there is a new certificate. Asked again meanwhile, it
   * gives the renewal that is on: of two side by side, the gateway would shut out the one whose answer is kept last.
   */
  renewIfDue(): Promise<boolean> {
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #renew(): Promise<boolean> {
    const identity = this.#identity;
    const instance = this.#instance;
    if (!identity || !instance || this.#options.clock.now() < renewalTime(identity)) return false;
    const keyPem = newPrivateKey();
    try {
      const answer = await this.#options.gateway.renew({ ...describe(keyPem, instance), address: instance.address }, identity);
      await this.#keep(instance, keyPem, answer);
      this.#options.log.info({ notAfter: this.#identity?.notAfter.toISOString() }, 'The client certificate was renewed');
      return true;
    } catch (error) {
      if (error instanceof GatewayRefusedError && this.#identity === identity) await this.forget();
      throw error;
    }
  }

  /** Drops an identity that the gateway no longer accepts; the next `ensure` enrols. */
  async forget(): Promise<void> {
    this.#identity = undefined;
    await rm(this.#path, { force: true });
  }

  async #enrol(instance: Instance): Promise<Identity> {
    const { gateway, metadata, audience, log } = this.#options;
    const keyPem = newPrivateKey();
    const token = await metadata.readToken(audience);
    const answer = await gateway.enrol({
      token,
      vmId: instance.vmId,
      name: instance.name,
      address: instance.address,
      ...describe(keyPem, instance),
    });
    const identity = await this.#keep(instance, keyPem, answer);
    log.info({ clusterId: identity.clusterId, notAfter: identity.notAfter.toISOString() }, 'The agent was enrolled');
    return identity;
  }

  async #keep(instance: Instance, keyPem: string, answer: EnrolResponse): Promise<Identity> {
    const certificatePem = [answer.certificate, ...answer.caCertificates].map((pem) => `${pem.trim()}\n`).join('');
    const stored: StoredIdentity = { vmId: instance.vmId, clusterId: answer.clusterId, keyPem, certificatePem };
    await ensureFolder(this.#options.folder, 0o700);
    await writeFileAtomically(this.#path, JSON.stringify(stored), 0o600);
    this.#identity = withLife(stored);
    this.#onChange();
    return this.#identity;
  }

  async #load(instance: Instance): Promise<void> {
    const text = await readFileIfThere(this.#path);
    this.#loaded = true;
    if (text === undefined) return;
    try {
      const stored = identitySchema.parse(JSON.parse(text));
      // A disk that was copied to another machine carries an identity that is not ours.
      if (stored.vmId === instance.vmId) this.#identity = withLife(stored);
    } catch (error) {
      this.#options.log.warn({ error }, 'The stored identity is not readable and is replaced');
    }
  }
}

function describe(keyPem: string, instance: Instance) {
  return {
    certificateRequest: createCertificateRequest(createPrivateKey(keyPem), instance.vmId),
    agentVersion: AGENT_VERSION,
    protocolVersion: AGENT_PROTOCOL_VERSION,
  };
}

function withLife({ clusterId, keyPem, certificatePem }: StoredIdentity): Identity {
  const { validFrom, validTo } = new X509Certificate(certificatePem);
  return { clusterId, keyPem, certificatePem, notBefore: new Date(validFrom), notAfter: new Date(validTo) };
}

function renewalTime({ notBefore, notAfter }: Identity): Date {
  return new Date(notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3);
}
