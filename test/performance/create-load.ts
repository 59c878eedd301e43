import autocannon from 'autocannon';

const CONNECTIONS = 50;
const NETWORKS_OF_AN_INSTALLATION = 65_536;

/** What a server held under load. */
export interface LoadFigures {
  requestsPerSecond: number;
  p50Milliseconds: number;
  p99Milliseconds: number;
}

/** Gives bodies of creates that are all different and all acceptable, spread over installations. */
export function createBodies(installationIds: readonly string[]): () => string {
  let count = 0;
  return () => {
    const round = Math.floor(count / installationIds.length) % NETWORKS_OF_AN_INSTALLATION;
    const installationId = installationIds[count % installationIds.length];
    count += 1;
    const networkCidr = `10.${Math.floor(round / 256)}.${round % 256}.0/24`;
    return JSON.stringify({ installationId, name: `cluster-${round}`, networkCidr, email: 'load@example.com' });
  };
}

/** Sends creates over 50 connections for so many seconds. Throws when one is not accepted: a refusal is faster than the work. */
export async function sendCreates(url: string, token: string, seconds: number, nextBody: () => string): Promise<LoadFigures> {
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: seconds,
    requests: [
      {
        method: 'POST',
        path: '/v1/clusters',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        setupRequest: (request) => ({ ...request, body: nextBody() }),
      },
    ],
  });
  const { errors, timeouts, non2xx, requests, duration, latency } = result;
  if (errors + timeouts + non2xx > 0)
    throw new Error(`Of ${requests.total} creates ${non2xx} were refused and ${errors} failed.`);
  return { requestsPerSecond: requests.total / duration, p50Milliseconds: latency.p50, p99Milliseconds: latency.p99 };
}
