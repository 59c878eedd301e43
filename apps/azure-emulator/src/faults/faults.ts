import { randomUUID } from 'node:crypto';
import { z } from 'zod';

/**
 * A switch that makes calls go wrong. `count` calls are hit, then it is gone; without `count`, until it is removed. `oncePerCall`
 * hits every method and path once and lets it pass from then on; the list of switches names those that were hit.
 */
export const faultSchema = z.strictObject({
  method: z
    .string()
    .transform((method) => method.toUpperCase())
    .optional(),
  /** Regular expression (without case) on the decoded path; for `stuckOperation` on the resource's id. */
  path: z.string().refine(isRegularExpression, 'must be a regular expression').optional(),
  count: z.int().min(1).optional(),
  oncePerCall: z.boolean().optional(),
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
    /** A long operation that was started while this stands stays unfinished until it is removed, or so long at most. */
    z.strictObject({ kind: z.literal('stuckOperation') }),
  ]),
});

export type FaultRequest = z.output<typeof faultSchema>;
export type FaultEffect = FaultRequest['effect'];
export type Fault = FaultRequest & { id: string; hits: number; calls?: readonly string[] };

function isRegularExpression(text: string): boolean {
  try {
    new RegExp(text, 'i');
    return true;
  } catch {
    return false;
  }
}

const fits = (fault: Fault, method: string, path: string): boolean =>
  (fault.method === undefined || fault.method === method) && (fault.path === undefined || new RegExp(fault.path, 'i').test(path));

/** The switches that stand now. They do not outlive the process: a restarted emulator is whole. */
export class Faults {
  readonly #faults = new Map<string, Fault>();
  readonly #stuck = new Map<string, Set<() => void>>();
  /** Calls that each switch has hit, where it hits every one once. */
  readonly #calls = new Map<string, Set<string>>();

  add(request: FaultRequest): Fault {
    const fault: Fault = { ...request, id: randomUUID(), hits: 0 };
    this.#faults.set(fault.id, fault);
    if (request.oncePerCall) this.#calls.set(fault.id, new Set());
    return fault;
  }

  list(): readonly Fault[] {
    return [...this.#faults.values()].map((fault) => {
      const calls = this.#calls.get(fault.id);
      return calls ? { ...fault, calls: [...calls] } : fault;
    });
  }

  /** Lets go every operation that the switch holds. False when there is none of that id. */
  remove(id: string): boolean {
    const existed = this.#faults.delete(id);
    this.#calls.delete(id);
    for (const release of this.#stuck.get(id) ?? []) release();
    this.#stuck.delete(id);
    return existed;
  }

  clear(): void {
    for (const id of new Set([...this.#faults.keys(), ...this.#stuck.keys()])) this.remove(id);
  }

  /** The effect for one call, counted; undefined when no switch fits. */
  take(method: string, path: string): FaultEffect | undefined {
    return this.#hit((kind) => kind !== 'stuckOperation', method, path)?.effect;
  }

  /** Resolves at once, or when the switch that holds the operation is removed; rejects when `signal` is aborted. */
  async whileStuck(method: string, resourceId: string, signal: AbortSignal): Promise<void> {
    const fault = this.#hit((kind) => kind === 'stuckOperation', method, resourceId);
    if (!fault) return;
    const releases = this.#stuck.get(fault.id) ?? new Set();
    this.#stuck.set(fault.id, releases);
    await new Promise<void>((resolve, reject) => {
      releases.add(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  /** The first switch of such a kind that fits and has not hit this call as often as it may; counted. */
  #hit(isMeant: (kind: FaultEffect['kind']) => boolean, method: string, path: string): Fault | undefined {
    const call = `${method} ${path}`;
    const isNew = ({ id }: Fault) => !this.#calls.get(id)?.has(call);
    const all = [...this.#faults.values()];
    const fault = all.find((one) => isMeant(one.effect.kind) && fits(one, method, path) && isNew(one));
    if (!fault) return undefined;
    this.#calls.get(fault.id)?.add(call);
    fault.hits += 1;
    if (fault.count !== undefined && fault.hits >= fault.count) this.#faults.delete(fault.id);
    return fault;
  }
}
