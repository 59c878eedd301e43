import { seconds } from '@managed-consul/config';
import {
  agentErrorSchema,
  enrolResponseSchema,
  type EnrolRequest,
  type EnrolResponse,
  type RenewRequest,
} from '@managed-consul/agent-protocol';
import { call } from './http-call';

/** The gateway understood and said no; a new proof of identity is needed, not patience. */
export class GatewayRefusedError extends Error {
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(`The gateway refused with ${status} ${code}: ${message}`);
    this.name = 'GatewayRefusedError';
    this.code = code;
  }
}

/** Key and certificate with which the agent shows who it is. */
export interface ClientCredential {
  keyPem: string;
  certificatePem: string;
}

const TIMEOUT = seconds(15);

/** The requests that an agent makes of its gateway outside the tunnel. Trusts only `caPem`. */
export class GatewayCalls {
  readonly #url: string;
  readonly #caPem: string;

  constructor(url: string, caPem: string) {
    this.#url = url;
    this.#caPem = caPem;
  }

  async enrol(request: EnrolRequest): Promise<EnrolResponse> {
    return enrolResponseSchema.parse(await this.#post('/enrol', request));
  }

  async renew(request: RenewRequest, credential: ClientCredential): Promise<EnrolResponse> {
    return enrolResponseSchema.parse(await this.#post('/renew', request, credential));
  }

  /** Lets whoever waits for this server know that there is something new to see. */
  async announceStateChange(credential: ClientCredential): Promise<void> {
    await this.#post('/state-changed', {}, credential);
  }

  async #post(path: string, json: unknown, credential?: ClientCredential): Promise<unknown> {
    const tls = { ca: this.#caPem, ...(credential ? { key: credential.keyPem, cert: credential.certificatePem } : {}) };
    const { status, body } = await call({ url: new URL(path, this.#url), method: 'POST', json, tls, timeout: TIMEOUT });
    if (status >= 200 && status < 300) return body;
    const refusal = agentErrorSchema.safeParse(body);
    const { code, message } = refusal.data?.error ?? { code: 'Unknown', message: 'no reason given' };
    if (status >= 400 && status < 500 && status !== 429) throw new GatewayRefusedError(status, code, message);
    throw new Error(`The gateway answered ${status} to ${path}: ${message}`);
  }
}
