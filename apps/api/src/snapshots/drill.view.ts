import { z } from 'zod';
import type { DrillBody } from '@managed-consul/api-contract';

const count = z.number().nullable().catch(null).default(null);

/** What is stored of a drill; a drill that failed has counted nothing. */
const outcomeSchema = z.object({
  at: z.string(),
  passed: z.boolean(),
  message: z.string().nullish(),
  keys: count,
  services: count,
  tokens: count,
  took: count,
});

/** The last drill of a snapshot as customers see it; null when what is stored is none. */
export function showDrill(snapshotId: string, outcome: unknown): DrillBody | null {
  const parsed = outcomeSchema.safeParse(outcome);
  if (!parsed.success) return null;
  const { at, passed, message, keys, services, tokens, took } = parsed.data;
  return { snapshotId, at, passed, message: message ?? '', keys, services, tokens, tookMilliseconds: took };
}
