import { z } from 'zod';

/** What a process of simulated agents is told on its standard input, as JSON. */
export const fleetSchema = z.object({
  gatewayUrl: z.string(),
  gatewayCaPem: z.string(),
  /** One key for all: making ten thousand is not what is looked at. */
  keyPem: z.string(),
  agents: z.array(z.object({ clusterId: z.string(), vmId: z.string(), certificatePem: z.string() })),
  /** How many dial at once in the beginning; after a loss each comes back by its own backoff. */
  dialledAtOnce: z.number(),
});
export type Fleet = z.infer<typeof fleetSchema>;

/** What it prints, a line of JSON each second. */
export const fleetReportSchema = z.object({
  connected: z.number(),
  /** Tries that failed, by why. */
  failures: z.record(z.string(), z.number()),
  /** Connections that ended after they had been open, by why. */
  losses: z.record(z.string(), z.number()),
  /** Requests of the gateway that were answered. */
  answered: z.number(),
});
export type FleetReport = z.infer<typeof fleetReportSchema>;
