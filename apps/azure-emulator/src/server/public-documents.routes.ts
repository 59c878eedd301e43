import { seconds } from '@managed-consul/config';
import { ArmError } from '../arm/arm-error';
import type { Seed } from '../seed/seed.schema';
import { hostNameOf } from './public-names';
import type { Route, ServerRequest, ServerResponse } from './route';

type PublicDocument = Seed['publicDocuments'][number];

const SOURCE_TIMEOUT = seconds(10);

/**
 * Documents that clients fetch from other names than Azure's: what the seed says of them, or what stands at the address that it
 * names. Each is answered under its own name only.
 */
export function publicDocumentRoutes(documents: readonly PublicDocument[]): Route[] {
  const paths = [...new Set(documents.map(({ path }) => path))];
  return paths.map((path) => ({
    method: 'GET',
    pattern: path,
    access: { kind: 'anonymous' },
    handle: (request) => {
      const host = hostNameOf(request.headers['host'] ?? '');
      const found = documents.find((document) => document.path === path && document.host === host);
      if (!found) throw new ArmError(404, 'NotFound', `There is no '${path}' at '${host}'.`);
      return answer(found, request);
    },
  }));
}

async function answer({ content, source }: PublicDocument, request: ServerRequest): Promise<ServerResponse> {
  if (source === undefined) return { status: 200, body: content };
  const url = new URL(source);
  for (const [name, value] of request.query) url.searchParams.append(name, value);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(SOURCE_TIMEOUT) });
    return { status: response.status, body: await response.json() };
  } catch {
    throw new ArmError(502, 'BadGateway', `What '${request.path}' is made from cannot be reached.`);
  }
}
