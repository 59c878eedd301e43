import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Platform } from '../arm/resource-provider';
import { STORAGE_AUDIENCE } from '../entra/directory';
import { TokenRefusedError } from '../entra/access-tokens';

const CONTAINERS = 'Microsoft.Storage/storageAccounts/blobServices/containers';

interface Permission {
  readonly action: string;
  readonly plane: 'control' | 'data';
}

/** What a request on the data plane needs, as the Blob service's REST reference lists it. */
export function permissionFor(method: string, path: string, query: URLSearchParams): Permission {
  const [, container] = path.split('/').filter(Boolean);
  const verb = method === 'GET' || method === 'HEAD' ? 'read' : method === 'DELETE' ? 'delete' : 'write';
  if (container === undefined) {
    const isKey = query.get('comp') === 'userdelegationkey';
    return {
      action: isKey ? 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action' : `${CONTAINERS}/${verb}`,
      plane: 'control',
    };
  }
  const isContainer = query.get('restype') === 'container';
  if (isContainer && query.get('comp') !== 'list') return { action: `${CONTAINERS}/${verb}`, plane: 'control' };
  return { action: `${CONTAINERS}/blobs/${verb}`, plane: 'data' };
}

function refuse(response: ServerResponse, status: number, code: string, message: string): false {
  const requestId = randomUUID();
  response.writeHead(status, { 'content-type': 'application/xml', 'x-ms-error-code': code, 'x-ms-request-id': requestId });
  response.end(
    `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}\nRequestId:${requestId}</Message></Error>`,
  );
  return false;
}

/**
 * Azurite reads tokens without checking them; what it is handed says that the check was made here, and for whom: signing keys
 * are given to a principal.
 */
function stampChecked(request: IncomingMessage, { objectId, tenantId }: { objectId: string; tenantId: string }): void {
  const seconds = Math.floor(Date.now() / 1000);
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const claims = {
    aud: STORAGE_AUDIENCE,
    oid: objectId,
    tid: tenantId,
    iss: 'https://sts.windows.net/checked/',
    iat: seconds - 60,
    nbf: seconds - 60,
    exp: seconds + 60,
  };
  request.headers['authorization'] = `Bearer ${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`;
}

/**
 * Looks at requests before Azurite does: fault switches, and bearer tokens, which must be whole and whose principal must have a
 * role on the data. Shared keys and signatures are Azurite's to check.
 */
export function blobGuard(
  platform: Pick<Platform, 'faults' | 'tokens' | 'access'>,
  accountIdOf: (name: string) => string | undefined,
) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://blob');
    const path = decodeURIComponent(pathname);
    const method = request.method ?? 'GET';
    const fault = platform.faults.take(method, `/_blob${path}`);
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
    if (fault?.kind === 'answer') {
      if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(fault.retryAfterSeconds));
      return refuse(
        response,
        fault.status,
        fault.code ?? 'InjectedFault',
        fault.message ?? 'This answer was asked for by a fault switch.',
      );
    }
    if (fault?.kind === 'lostResponse') response.write = response.end = () => response.socket?.destroy() as never;
    const token = /^Bearer\s+(\S+)$/i.exec(request.headers['authorization'] ?? '')?.[1];
    if (token === undefined) return true;
    const [account = ''] = path.split('/').filter(Boolean);
    return authorise({ token, account, permission: permissionFor(method, path, searchParams), path }, request, response);
  };

  async function authorise(
    asked: { token: string; account: string; permission: Permission; path: string },
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<boolean> {
    const accountId = accountIdOf(asked.account);
    if (accountId === undefined) return refuse(response, 404, 'ResourceNotFound', 'The specified resource does not exist.');
    try {
      const caller = await platform.tokens.verify(asked.token, [
        STORAGE_AUDIENCE,
        `https://${asked.account}.blob.core.windows.net`,
      ]);
      const [, container] = asked.path.split('/').filter(Boolean);
      const scope = container === undefined ? accountId : `${accountId}/blobServices/default/containers/${container}`;
      if (!platform.access.allows(caller, asked.permission.action, scope, asked.permission.plane)) {
        return refuse(
          response,
          403,
          'AuthorizationPermissionMismatch',
          'This request is not authorized to perform this operation using this permission.',
        );
      }
      stampChecked(request, caller);
    } catch (error) {
      if (!(error instanceof TokenRefusedError)) throw error;
      response.setHeader(
        'www-authenticate',
        `Bearer authorization_uri=https://login.microsoftonline.com/common resource_id=${STORAGE_AUDIENCE}`,
      );
      return refuse(
        response,
        401,
        'InvalidAuthenticationInfo',
        `Server failed to authenticate the request: ${error.refusal.reason}.`,
      );
    }
    return true;
  }
}
