import { randomUUID } from 'node:crypto';
import { z } from 'zod';

/** A switch that makes calls go wrong. `count` calls are hit, then it is gone; without `count`, until it is removed. */
export const faultSchema = z.strictObject({
  method: z
    .string()
    .transform((method) => method.toUpperCase())
    .optional(),
  /** Regular expression (without case) on the decoded path; for `stuckOperation` on the resource's id. */
  path: z.string().refine(isRegularExpression, 'must be a regular expression').optional(),
  count: z.int().min(1).optional(),
  effect: z.discriminatedUnion('kind', [
    /** Answers without doing anything. */
    z.strictObject({
      kind: z.literal('answer'),
      status: z.int().min(400).max(599),
      code: z.string().optional(),
      message: z.string().optional(),
      retryAfterSeconds: z.int().min(0).optional(),
    }),
    /** Waits in the machine's time before it does what was asked. */
    z.strictObject({ kind: z.literal('slow'), milliseconds: z.int().min(1).max(600_000) }),
    /** Does what was asked, then cuts the connection instead of answering. */
    z.strictObject({ kind: z.literal('lostResponse') }),
    /** A long operation that was started while this stands stays unfinished until it is removed. */
    z.strictObject({ kind: z.literal('stuckOperation') }),
  ]),
});

export type FaultRequest = z.output<typeof faultSchema>;
export type FaultEffect = FaultRequest['effect'];
export type Fault = FaultRequest & { id: string; hits: number };

function isRegularExpression(text: string): boolean {
  try {
    new RegExp(text, 'i');
    return true;
  } catch {
    return false;
  }
}

const matches = (fault: Fault, method: string, path: string): boolean =>
  (fault.method === undefined || fault.method === method) && (fault.path === undefined || new RegExp(fault.path, 'i').test(path));

/** The switches that stand now. They do not outlive the process: a restarted emulator is whole. */
export class Faults {
  readonly #faults = new Map<string, Fault>();
  readonly #stuck = new Map<string, Set<() => void>>();

  add(request: FaultRequest): Fault {
    const fault: Fault = { ...request, id: randomUUID(), hits: 0 };
    this.#faults.set(fault.id, fault);
    return fault;
  }

  list(): readonly Fault[] {
    return [...this.#faults.values()];
  }

  /** Lets go every operation that the switch holds. False when there is none of that id. */
  remove(id: string): boolean {
    const existed = this.#faults.delete(id);
    for (const release of this.#stuck.get(id) ?? []) release();
    this.#stuck.delete(id);
    return existed;
  }

  clear(): void {
    for (const id of new Set([...this.#faults.keys(), ...this.#stuck.keys()])) this.remove(id);
  }

  /** The effect for one call, counted; undefined when no switch fits. */
  take(method: string, path: string): FaultEffect | undefined {
    const fault = this.list().find((one) => one.effect.kind !== 'stuckOperation' && matches(one, method, path));
    if (!fault) return undefined;
    this.#count(fault);
    return fault.effect;
  }

  /** Resolves at once, or when the switch that holds the operation is removed; rejects when `signal` is aborted. */
  async whileStuck(method: string, resourceId: string, signal: AbortSignal): Promise<void> {
    const fault = this.list().find((one) => one.effect.kind === 'stuckOperation' && matches(one, method, resourceId));
    if (!fault) return;
    this.#count(fault);
    const releases = this.#stuck.get(fault.id) ?? new Set();
    this.#stuck.set(fault.id, releases);
    await new Promise<void>((resolve, reject) => {
      releases.add(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  #count(fault: Fault): void {
    fault.hits += 1;
    if (fault.count !== undefined && fault.hits >= fault.count) this.#faults.delete(fault.id);
  }
}
