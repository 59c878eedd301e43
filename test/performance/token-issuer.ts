import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** Publishes the keys of one tenant and gives a token of it, so that a benchmark needs no emulator. */
export async function startTokenIssuer(audience: string) {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const key = { ...(await exportJWK(publicKey)), kid: 'benchmark', alg: 'RS256', use: 'sig' };
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [key] })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const tenantId = randomUUID();
  const objectId = randomUUID();
  const token = await new SignJWT({ tid: tenantId, oid: objectId })
    .setProtectedHeader({ alg: 'RS256', kid: key.kid })
    .setIssuer(`https://sts.windows.net/${tenantId}/`)
    .setAudience(audience)
    .setNotBefore('-1m')
    .setExpirationTime('1h')
    .sign(privateKey);
  return {
    authority: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tenantId,
    objectId,
    token,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
