import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AdminRole } from '@managed-consul/api-contract';
import { AppError } from '@managed-consul/errors';
import type { AdminServices } from '../admin-services';
import { roleOf } from '../operators';

const COOKIE = 'fleet';
const COOKIE_VALUE = /(?:^|; *)fleet=([\w.~+/=-]+)/;
/** Shorter than most tokens hold. */
const LASTS_SECONDS = 3600;
/** Browsers keep no cookie of over 4096 bytes. */
const LONGEST_TOKEN = 3800;

type Doorkeepers = Pick<AdminServices, 'verifier' | 'operators' | 'publicUrl'>;

/** The role that a token gives; undefined for one that is not good, or not an operator's. */
export async function roleOfToken({ verifier, operators }: Doorkeepers, token: string): Promise<AdminRole | undefined> {
  if (token.length > LONGEST_TOKEN) return undefined;
  try {
    return roleOf(operators, await verifier.verify(token));
  } catch (error) {
    // Anything else, as that Entra's keys cannot be had, says nothing about the token.
    if (error instanceof AppError && error.code === 'AuthenticationFailed') return undefined;
    throw error;
  }
}

/** The role of whoever has signed in with this browser. The token is verified again with every request. */
export async function roleOfRequest(services: Doorkeepers, request: FastifyRequest): Promise<AdminRole | undefined> {
  const token = COOKIE_VALUE.exec(request.headers.cookie ?? '')?.[1];
  return token === undefined ? undefined : roleOfToken(services, token);
}

/**
 * Keeps the token in the browser, or forgets it when it is empty. No script reads it, no other site has it sent, and only the
 * pages get it: the operators' API takes no cookie.
 */
export function keepToken({ publicUrl }: Doorkeepers, reply: FastifyReply, token: string): void {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  const lasts = token === '' ? 0 : LASTS_SECONDS;
  void reply.header('set-cookie', `${COOKIE}=${token}; Path=/fleet; Max-Age=${lasts}; HttpOnly; SameSite=Strict${secure}`);
}

/** Whether another site has made the browser send this. Browsers that do not say are held back by the cookie alone. */
export function isFromElsewhere(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin';
}
