import { type AccessControl } from '../../authorization/access-control';
import { type AccessTokens, TokenRefusedError, type TokenRefusal } from '../../entra/access-tokens';
import { RESOURCE_MANAGER_AUDIENCES } from '../../entra/directory';
import { type Subscriptions } from '../../resources/subscriptions';
import { ArmError } from '../arm-error';
import { type Principal } from '../principal';
import { type Throttle } from './throttle';

export interface GateParts {
  readonly tokens: AccessTokens;
  readonly subscriptions: Subscriptions;
  readonly access: AccessControl;
  readonly throttle: Throttle;
  readonly endpoint: () => string;
}

export interface Admission {
  readonly caller: Principal;
  readonly headers: Record<string, string>;
}

interface GateRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
}

const subscriptionIdOf = (path: string): string | undefined => /^\/subscriptions\/([^/]+)/i.exec(path)?.[1];

/** What every call to Resource Manager passes before anybody looks at what it wants. */
export class Gate {
  readonly #parts: GateParts;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** Bearer token → api-version → subscription and its tenant → throttle. Throws `ArmError` (401, 400, 404, 429). */
  async admit(request: GateRequest): Promise<Admission> {
    const caller = await this.#authenticate(request.headers['authorization']);
    requireApiVersion(request.query);
    const subscriptionId = subscriptionIdOf(request.path);
    if (subscriptionId !== undefined) this.#requireTenant(caller, subscriptionId);
    return { caller, headers: this.#parts.throttle.take(request.method, caller, subscriptionId) };
  }

  async #authenticate(header: string | undefined): Promise<Principal> {
    if (header === undefined)
      throw unauthenticated('AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing.");
    const token = /^Bearer\s+(\S+)$/i.exec(header)?.[1];
    if (token === undefined) {
      throw unauthenticated(
        'AuthenticationFailedInvalidHeader',
        "Authentication failed. The 'Authorization' header is provided in an invalid format.",
      );
    }
    const audiences = [...RESOURCE_MANAGER_AUDIENCES, this.#parts.endpoint()];
    try {
      return await this.#parts.tokens.verify(token, audiences);
    } catch (error) {
      if (error instanceof TokenRefusedError) throw toArmRefusal(error.refusal, audiences);
      throw error;
    }
  }

  /** A principal of another tenant may act where it was given a role: that is how publishers reach managed resource groups. */
  #requireTenant(caller: Principal, subscriptionId: string): void {
    const subscription = this.#parts.subscriptions.require(subscriptionId);
    if (subscription.tenantId === caller.tenantId) return;
    if (this.#parts.access.holdsRoleWithin(caller, `/subscriptions/${subscriptionId}`)) return;
    const message = `The access token is from the wrong issuer 'https://sts.windows.net/${caller.tenantId}/'. It must match the tenant 'https://sts.windows.net/${subscription.tenantId}/' associated with this subscription. Please use the authority (URL) 'https://login.windows.net/${subscription.tenantId}' to get the token.`;
    throw unauthenticated('InvalidAuthenticationTokenTenant', message);
  }
}

function requireApiVersion(query: URLSearchParams): void {
  const entry = [...query].find(([name]) => name.toLowerCase() === 'api-version');
  if (entry === undefined || entry[1] === '') {
    throw new ArmError(
      400,
      'MissingApiVersionParameter',
      'The api-version query parameter (?api-version=) is required for all requests.',
    );
  }
  if (/^\d{4}-\d{2}-\d{2}(-[a-z0-9]+)?$|^\d+\.\d+$/i.test(entry[1])) return;
  const message = `The api-version '${entry[1]}' is invalid. It must be a date in the format 'YYYY-MM-DD', optionally with '-preview'.`;
  throw new ArmError(400, 'InvalidApiVersionParameter', message);
}

function unauthenticated(code: string, message: string): ArmError {
  const challenge = `Bearer authorization_uri="https://login.windows.net/common", error="invalid_token", error_description="${message.replaceAll('"', "'")}"`;
  return new ArmError(401, code, message, { headers: { 'www-authenticate': challenge } });
}

function toArmRefusal(refusal: TokenRefusal, audiences: readonly string[]): ArmError {
  switch (refusal.reason) {
    case 'invalid':
      return unauthenticated('InvalidAuthenticationToken', `The access token is invalid: ${refusal.message}`);
    case 'expired': {
      const [expiry, now] = [refusal.expiredAt, refusal.now].map((date) => date.toISOString());
      const message = `The access token expiry UTC time '${String(expiry)}' is earlier than current UTC time '${String(now)}'.`;
      return unauthenticated('ExpiredAuthenticationToken', message);
    }
    case 'audience': {
      const allowed = audiences.map((one) => `'${one}'`).join(',');
      const message = `The access token has been obtained for wrong audience or resource '${refusal.audience}'. It should exactly match with one of the allowed audiences ${allowed}.`;
      return unauthenticated('InvalidAuthenticationTokenAudience', message);
    }
    case 'issuer':
      return unauthenticated(
        'InvalidAuthenticationTokenIssuer',
        `The access token is from the wrong issuer '${refusal.issuer}'.`,
      );
  }
}
