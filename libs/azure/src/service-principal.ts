import { TransientError } from '@managed-consul/errors';
import type { AzureConnection } from './connection';
import { callAzure } from './errors';

/** The service as Entra ID knows it. */
export interface ServicePrincipal {
  tenantId: string;
  objectId: string;
}

/** Reads who a token was issued to. It is not verified: it came from the authority itself, over TLS. */
export async function readServicePrincipal({ credential, options }: AzureConnection): Promise<ServicePrincipal> {
  const { token } = await callAzure('tell the service who it is', () => credential.getToken(options.credentials.scopes));
  const [, payload = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { oid?: unknown; tid?: unknown };
  if (typeof claims.oid !== 'string' || typeof claims.tid !== 'string')
    throw new TransientError('The token of the service names neither object nor tenant.');
  return { objectId: claims.oid.toLowerCase(), tenantId: claims.tid.toLowerCase() };
}
