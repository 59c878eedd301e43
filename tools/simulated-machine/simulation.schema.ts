import { z } from 'zod';

/** `simulated-consul.json` on the image of a simulated machine. */
export const simulationSchema = z.strictObject({
  /** Consul versions whose program finds its configuration invalid. */
  refusedVersions: z.array(z.string()),
});
export type Simulation = z.infer<typeof simulationSchema>;
