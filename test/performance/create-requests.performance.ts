import { definePerformance, type Figure } from '@managed-consul/testing';
import { createBodies, sendCreates, type LoadFigures } from './create-load';
import { startCreateRequestsBench, type CreateRequestsBench } from './create-requests-bench';
import { median } from './median';

const ROUNDS = 3;
const WARM_UP_SECONDS = 3;
const SECONDS = 6;
/** Share of the bare server's requests that accepting a create has to reach. */
const HOLD = 0.4;

async function measure(bench: CreateRequestsBench, say: (line: string) => void): Promise<Record<'api' | 'bare', LoadFigures[]>> {
  const bodies = { api: createBodies(bench.api.installationIds), bare: createBodies(bench.bare.installationIds) };
  const figures: Record<'api' | 'bare', LoadFigures[]> = { api: [], bare: [] };
  for (const name of ['bare', 'api'] as const) await sendCreates(bench[name].url, bench.token, WARM_UP_SECONDS, bodies[name]);
  // Plans made for empty tables would be measured otherwise, for the minute until PostgreSQL looks by itself.
  await bench.analyze();
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const name of ['bare', 'api'] as const) {
      const seen = await sendCreates(bench[name].url, bench.token, SECONDS, bodies[name]);
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
      const { api, bare } = await measure(bench, say);
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
      return [accepted, latency];
    } finally {
      await bench.stop();
    }
  },
});
