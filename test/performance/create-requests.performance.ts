import { definePerformance, type Figure } from '@managed-consul/testing';
import { createBodies, sendCreates, type LoadFigures } from './create-load';
import { startCreateRequestsBench, type CreateRequestsBench } from './create-requests-bench';
import { median } from './median';

const ROUNDS = 3;
const WARM_UP_SECONDS = 3;
const SECONDS = 6;
/** Share of the bare server's requests that accepting a create has to reach. */
const HOLD = 0.4;

/** Who is measured: the bare server, the API, and the API whose audit events the database only stores. */
type Measured = 'bare' | 'api' | 'unchained';

async function measure(bench: CreateRequestsBench, say: (line: string) => void): Promise<Record<Measured, LoadFigures[]>> {
  const bodies = { api: createBodies(bench.api.installationIds), bare: createBodies(bench.bare.installationIds) };
  const figures: Record<Measured, LoadFigures[]> = { api: [], bare: [], unchained: [] };
  for (const name of ['bare', 'api'] as const) await sendCreates(bench[name].url, bench.token, WARM_UP_SECONDS, bodies[name]);
  // Plans made for empty tables would be measured otherwise, for the minute until PostgreSQL looks by itself.
  await bench.analyze();
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const name of ['bare', 'api', 'unchained'] as const) {
      const server = name === 'bare' ? 'bare' : 'api';
      await bench.chainAudit(name !== 'unchained');
      const seen = await sendCreates(bench[server].url, bench.token, SECONDS, bodies[server]);
      figures[name].push(seen);
      say(
        `round ${round}, ${name}: ${seen.requestsPerSecond.toFixed(0)} requests/s, p50 ${seen.p50Milliseconds} ms, p99 ${seen.p99Milliseconds} ms`,
      );
    }
  }
  return figures;
}

const middle = (figures: readonly LoadFigures[], key: keyof LoadFigures): number => median(figures.map((figure) => figure[key]));

/**
 * Creates that the API accepts a second (token, validation, rules, role, rows, bell) beside a bare server that only stores the
 * same rows and adds the same job; the two take turns on the same PostgreSQL and Redis.
 */
export const createRequests = definePerformance({
  name: 'create-requests',
  description: 'create requests accepted a second, against bare Fastify with the same transaction and one BullMQ job',
  run: async ({ root, say }) => {
    const bench = await startCreateRequestsBench(root);
    try {
      const { api, bare, unchained } = await measure(bench, say);
      const accepted: Figure = {
        name: 'create requests accepted',
        value: middle(api, 'requestsPerSecond'),
        unit: 'requests/s',
        bare: middle(bare, 'requestsPerSecond'),
        hold: { is: 'at least', ratio: HOLD },
      };
      const latency = {
        name: 'create request, p99',
        value: middle(api, 'p99Milliseconds'),
        unit: 'ms',
        bare: middle(bare, 'p99Milliseconds'),
      };
      // What linking costs: a hash, a row, and the lock of a chain's head until the commit is done.
      const chained: Figure = {
        name: 'create requests with the audit chain, beside without',
        value: middle(api, 'requestsPerSecond'),
        unit: 'requests/s',
        bare: middle(unchained, 'requestsPerSecond'),
      };
      return [accepted, latency, chained];
    } finally {
      await bench.stop();
    }
  },
});
