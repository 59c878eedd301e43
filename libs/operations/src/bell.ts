import type { Milliseconds } from '@managed-consul/config';

/** Says that there is work. Losing a bell loses time, never work; so ringing never throws. */
export interface Bell {
  /** `delay` as of now. Ringing again under the same `wakeNumber` is one bell. */
  ring(operation: { readonly id: string; readonly wakeNumber: number }, delay?: Milliseconds): Promise<void>;
}
