import { ArmError } from '../arm/arm-error';
import type { Principal } from '../arm/principal';
import type { Route, ServerRequest, ServerResponse } from '../server/route';
import { TokenRefusedError, type AccessTokens } from './access-tokens';
import type { Directory, ServicePrincipal } from './directory';

interface GraphParts {
  readonly directory: Directory;
  readonly tokens: AccessTokens;
  /** The emulator's own address, under which older clients ask for graph tokens of clouds that are not Azure's. */
  readonly endpoint: () => string;
}

const GRAPH_AUDIENCE = 'https://graph.windows.net';

/** Azure AD Graph 1.6 as far as Terraform's older Azure libraries ask it: who a client id is in its tenant. */
export function graphRoutes({ directory, tokens, endpoint }: GraphParts): Route[] {
  const get = (pattern: string, find: (request: ServerRequest, tenantId: string) => ServerResponse): Route => ({
    method: 'GET',
    pattern,
    access: { kind: 'anonymous' },
    handle: async (request) => {
      try {
        const caller = await authenticate(request, tokens, [GRAPH_AUDIENCE, endpoint()]);
        return find(request, requireTenant(request, caller));
      } catch (error) {
        if (error instanceof ArmError) return toGraphError(error);
        throw error;
      }
    },
  });
  return [
    get('/{tenant}/servicePrincipals', (request, tenantId) => {
      const wanted = readFilter(request.query.get('$filter'));
      const found = directory.findServicePrincipal(tenantId, wanted);
      return {
        status: 200,
        body: { 'odata.metadata': metadata(request, tenantId, ''), value: found ? [describe(found)] : [] },
      };
    }),
    get('/{tenant}/servicePrincipals/{objectId}', (request, tenantId) => {
      const objectId = request.parameters['objectId'] ?? '';
      const found = directory.findServicePrincipalById(objectId);
      if (found?.tenantId !== tenantId) {
        throw new ArmError(404, 'Request_ResourceNotFound', `Resource '${objectId}' does not exist.`);
      }
      return { status: 200, body: { 'odata.metadata': metadata(request, tenantId, '/@Element'), ...describe(found) } };
    }),
  ];
}

async function authenticate(request: ServerRequest, tokens: AccessTokens, audiences: readonly string[]): Promise<Principal> {
  const token = /^Bearer\s+(\S+)$/i.exec(request.headers['authorization'] ?? '')?.[1];
  const refused = (message: string) => new ArmError(401, 'Authentication_MissingOrMalformed', message);
  if (token === undefined) throw refused('Access Token missing or malformed.');
  try {
    return await tokens.verify(token, audiences);
  } catch (error) {
    if (error instanceof TokenRefusedError) throw refused(`Access Token refused: ${error.refusal.reason}.`);
    throw error;
  }
}

/** A caller sees its own tenant only; `myorganization` stands for it. */
function requireTenant(request: ServerRequest, caller: Principal): string {
  const tenant = (request.parameters['tenant'] ?? '').toLowerCase();
  if (tenant === caller.tenantId || tenant === 'myorganization') return caller.tenantId;
  throw new ArmError(403, 'Authorization_IdentityNotFound', 'The identity of the calling application could not be established.');
}

/** The only filter that is known: `appId eq '…'`. Throws 400. */
function readFilter(filter: string | null): string {
  const appId = /^\s*appId\s+eq\s+'([^']+)'\s*$/i.exec(filter ?? '')?.[1];
  if (appId !== undefined) return appId;
  throw new ArmError(400, 'Request_UnsupportedQuery', `The filter '${filter ?? ''}' is not supported: only appId eq '…' is.`);
}

const describe = ({ objectId, applicationId, displayName, identityResourceId }: ServicePrincipal) => ({
  'odata.type': 'Microsoft.DirectoryServices.ServicePrincipal',
  objectType: 'ServicePrincipal',
  objectId,
  accountEnabled: true,
  appId: applicationId,
  displayName,
  servicePrincipalNames: [applicationId],
  servicePrincipalType: identityResourceId === undefined ? 'Application' : 'ManagedIdentity',
});

const metadata = (request: ServerRequest, tenantId: string, tail: string): string =>
  `https://${request.headers['host'] ?? 'localhost'}/${tenantId}/$metadata#directoryObjects${tail}`;

/** Azure AD Graph has an envelope of its own. */
const toGraphError = ({ status, code, message }: ArmError): ServerResponse => ({
  status,
  body: { 'odata.error': { code, message: { lang: 'en', value: message } } },
});
