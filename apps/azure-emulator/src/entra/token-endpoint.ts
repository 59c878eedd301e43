import { timingSafeEqual, createHash } from 'node:crypto';
import { type IssuedToken } from '../arm/resource-provider';
import { type ServerRequest, type ServerResponse } from '../server/route';
import { type AccessTokens } from './access-tokens';
import { type Audience, type Directory } from './directory';
import { oauthErrors } from './oauth-error';

interface TokenForm {
  readonly tenantId: string;
  readonly values: URLSearchParams;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
}

interface TokenGrant {
  readonly directory: Directory;
  readonly tokens: AccessTokens;
  readonly lifetimeSeconds: number;
}

const sameSecret = (left: string, right: string): boolean =>
  timingSafeEqual(createHash('sha256').update(left).digest(), createHash('sha256').update(right).digest());

/** Client id and secret come in the form or as basic authentication. */
function readForm(request: ServerRequest): Omit<TokenForm, 'tenantId'> {
  const values = new URLSearchParams(request.bodyText);
  const basic = /^Basic (.+)$/i.exec(request.headers['authorization'] ?? '')?.[1];
  const [basicId, basicSecret] =
    basic === undefined ? [] : Buffer.from(basic, 'base64').toString('utf8').split(':').map(decodeURIComponent);
  const clientId = values.get('client_id') ?? basicId;
  if (clientId === undefined || clientId === '') throw oauthErrors.missingParameter('client_id');
  return { values, clientId, clientSecret: values.get('client_secret') ?? basicSecret };
}

/** v1 names a `resource`, v2 a `scope` that ends in `/.default` (the resource itself may end in a slash). */
function readAudience(form: TokenForm, version: 1 | 2, directory: Directory): Audience {
  const name = version === 1 ? 'resource' : 'scope';
  const value = form.values.get(name);
  if (value === null || value === '') throw oauthErrors.missingParameter(name);
  const resource = version === 1 ? value : resourceOfScope(value);
  const audience = directory.findAudience(resource);
  if (!audience) throw oauthErrors.unknownAudience(resource, form.tenantId);
  return audience;
}

function resourceOfScope(scope: string): string {
  const [first = ''] = scope.split(' ').filter((part) => !['openid', 'profile', 'offline_access', 'email'].includes(part));
  if (!first.endsWith('/.default')) throw oauthErrors.invalidScope(scope);
  return first.slice(0, -'/.default'.length);
}

async function grantToServicePrincipal(
  form: TokenForm,
  audience: Audience,
  { directory, tokens, lifetimeSeconds }: TokenGrant,
): Promise<IssuedToken> {
  const servicePrincipal = directory.findServicePrincipal(form.tenantId, form.clientId);
  if (!servicePrincipal) throw oauthErrors.unknownClient(form.clientId, form.tenantId);
  if (form.clientSecret === undefined) throw oauthErrors.missingSecret();
  if (servicePrincipal.secret === undefined || !sameSecret(servicePrincipal.secret, form.clientSecret))
    throw oauthErrors.wrongSecret(form.clientId);
  return tokens.issue({ servicePrincipal }, form.tenantId, audience, lifetimeSeconds);
}

async function grantToUser(
  form: TokenForm,
  audience: Audience,
  { directory, tokens, lifetimeSeconds }: TokenGrant,
): Promise<IssuedToken> {
  const user = directory.findUser(form.tenantId, form.values.get('username') ?? '');
  const password = form.values.get('password') ?? '';
  if (user?.password === undefined || !sameSecret(user.password, password)) throw oauthErrors.wrongPassword();
  return tokens.issue({ user, clientId: form.clientId }, form.tenantId, audience, lifetimeSeconds);
}

/** Handles POST to a token endpoint of either version. Throws `OauthError`. */
export async function answerTokenRequest(request: ServerRequest, version: 1 | 2, grant: TokenGrant): Promise<ServerResponse> {
  const tenantId = (request.parameters['tenant'] ?? '').toLowerCase();
  if (!grant.directory.findTenant(tenantId)) throw oauthErrors.unknownTenant(tenantId);
  const form: TokenForm = { tenantId, ...readForm(request) };
  const grantType = form.values.get('grant_type');
  if (grantType === null) throw oauthErrors.missingParameter('grant_type');
  if (grantType !== 'client_credentials' && grantType !== 'password') throw oauthErrors.unsupportedGrant(grantType);
  const audience = readAudience(form, version, grant.directory);
  const issued =
    grantType === 'password' ? await grantToUser(form, audience, grant) : await grantToServicePrincipal(form, audience, grant);
  return {
    status: 200,
    headers: { 'cache-control': 'no-store', pragma: 'no-cache' },
    body: toBody(issued, version, grant.lifetimeSeconds),
  };
}

/** Version 1 sends numbers as strings; Go's older Azure libraries depend on it. */
function toBody(issued: IssuedToken, version: 1 | 2, lifetimeSeconds: number): object {
  if (version === 2)
    return {
      token_type: 'Bearer',
      expires_in: lifetimeSeconds,
      ext_expires_in: lifetimeSeconds,
      access_token: issued.accessToken,
    };
  return {
    token_type: 'Bearer',
    expires_in: String(lifetimeSeconds),
    ext_expires_in: String(lifetimeSeconds),
    expires_on: String(issued.expiresOn),
    not_before: String(issued.notBefore),
    resource: issued.resource,
    access_token: issued.accessToken,
  };
}
