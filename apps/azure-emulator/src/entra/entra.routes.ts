import { randomUUID } from 'node:crypto';
import { type EmulatorClock } from '../clock/emulator-clock';
import { type Route, type ServerRequest, type ServerResponse } from '../server/route';
import { type AccessTokens } from './access-tokens';
import { type Directory } from './directory';
import { OauthError, oauthErrors } from './oauth-error';
import { type SigningKeys } from './signing-keys';
import { answerTokenRequest } from './token-endpoint';

export interface EntraParts {
  readonly directory: Directory;
  readonly tokens: AccessTokens;
  readonly keys: SigningKeys;
  readonly clock: EmulatorClock;
  readonly lifetimeSeconds: number;
}

/** `common` and `organizations` stand for every tenant; Entra then writes a placeholder into the issuer. */
const isAnyTenant = (tenant: string): boolean => ['common', 'organizations'].includes(tenant.toLowerCase());

const originOf = (request: ServerRequest): string => `https://${request.headers['host'] ?? 'localhost'}`;

/** Entra ID as clients see it: tokens (v1, v2), key sets, OpenID configuration, instance discovery. */
export function entraRoutes(parts: EntraParts): Route[] {
  const { directory, tokens, keys, clock } = parts;

  const guarded =
    (work: (request: ServerRequest) => ServerResponse | Promise<ServerResponse>) =>
    async (request: ServerRequest): Promise<ServerResponse> => {
      try {
        return await work(request);
      } catch (error) {
        if (error instanceof OauthError)
          return error.toResponse(clock.now(), request.headers['client-request-id'] ?? randomUUID());
        throw error;
      }
    };

  const anonymous = (
    method: string,
    pattern: string,
    work: (request: ServerRequest) => ServerResponse | Promise<ServerResponse>,
  ): Route => ({
    method,
    pattern,
    access: { kind: 'anonymous' },
    handle: guarded(work),
  });

  const configuration = (version: 1 | 2) => (request: ServerRequest) => {
    const tenant = request.parameters['tenant'] ?? '';
    if (!isAnyTenant(tenant) && !directory.findTenant(tenant)) throw oauthErrors.unknownTenant(tenant);
    const issuer = tokens.issuerOf(isAnyTenant(tenant) ? '{tenantid}' : tenant.toLowerCase(), version);
    return { status: 200, body: openIdConfiguration(`${originOf(request)}/${tenant}`, version, issuer) };
  };

  const keySet = () => ({ status: 200, body: keys.keySet() });

  return [
    anonymous('POST', '/{tenant}/oauth2/token', (request) => answerTokenRequest(request, 1, parts)),
    anonymous('POST', '/{tenant}/oauth2/v2.0/token', (request) => answerTokenRequest(request, 2, parts)),
    anonymous('GET', '/{tenant}/discovery/keys', keySet),
    anonymous('GET', '/{tenant}/discovery/v2.0/keys', keySet),
    anonymous('GET', '/{tenant}/.well-known/openid-configuration', configuration(1)),
    anonymous('GET', '/{tenant}/v2.0/.well-known/openid-configuration', configuration(2)),
    anonymous('GET', '/{tenant}/discovery/instance', (request) => ({ status: 200, body: instanceDiscovery(request) })),
  ];
}

function openIdConfiguration(base: string, version: 1 | 2, issuer: string): object {
  const oauth = version === 1 ? `${base}/oauth2` : `${base}/oauth2/v2.0`;
  return {
    issuer,
    authorization_endpoint: `${oauth}/authorize`,
    token_endpoint: `${oauth}/token`,
    jwks_uri: version === 1 ? `${base}/discovery/keys` : `${base}/discovery/v2.0/keys`,
    device_authorization_endpoint: `${oauth}/devicecode`,
    end_session_endpoint: `${oauth}/logout`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'token'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    claims_supported: ['aud', 'iss', 'iat', 'exp', 'nbf', 'oid', 'sub', 'tid', 'ver'],
    tenant_region_scope: 'EU',
    cloud_instance_name: 'microsoftonline.com',
  };
}

/** MSAL asks which authority a sign-in address belongs to; the answer leads back to the address that was asked about. */
function instanceDiscovery(request: ServerRequest): object {
  const asked = request.query.get('authorization_endpoint') ?? `${originOf(request)}/common/oauth2/v2.0/authorize`;
  const { host, pathname } = new URL(asked);
  const tenant = pathname.split('/').find(Boolean) ?? 'common';
  return {
    tenant_discovery_endpoint: `https://${host}/${tenant}/v2.0/.well-known/openid-configuration`,
    'api-version': request.query.get('api-version') ?? '1.1',
    metadata: [{ preferred_network: host, preferred_cache: host, aliases: [...new Set([host, 'login.microsoftonline.com'])] }],
  };
}
