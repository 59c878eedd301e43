import type { Milliseconds, SecretValue } from '@managed-consul/config';
import { TerminalError, TransientError } from '@managed-consul/errors';
import type { z } from 'zod';

/** A request to Consul: what `fetch` takes, with a path (`/v1/kv/x?raw`) in place of a URL. */
export interface ConsulRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array | ReadableStream<Uint8Array>;
  signal?: AbortSignal;
  /** Until the answer's headers are there. */
  timeout?: Milliseconds;
}

/** Any way to one Consul server: an agent's tunnel, or HTTPS. Errors of the way itself must be `TransientError`s. */
export type ConsulFetch = (path: string, request?: ConsulRequest) => Promise<Response>;

/** Longest wait for an answer; Consul itself holds a request for 7 s while it has no leader. */
const ANSWER_TIMEOUT: Milliseconds = 10_000;

/** Refusals that the same request will meet again. 403 is none: followers learn a new token up to seconds after the leader. */
const FINAL_STATUSES = new Set([400, 405, 409, 413]);

/** What a call is about, and what counts as an answer to it. */
export interface ConsulCall {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: unknown;
  /** Statuses beside 2xx whose body is an answer, e.g. autopilot's 429. */
  alsoAnswers?: readonly number[];
}

/** One server and the token that it is asked with. */
export class ConsulConnection {
  readonly #fetch: ConsulFetch;
  readonly #token: SecretValue | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor(options: { fetch: ConsulFetch; token?: SecretValue | undefined; signal?: AbortSignal | undefined }) {
    this.#fetch = options.fetch;
    this.#token = options.token;
    this.#signal = options.signal;
  }

  /** The answer's body in the form of `schema`. Throws `TerminalError` when Consul refuses for good, else `TransientError`. */
  async ask<Schema extends z.ZodType>(schema: Schema, path: string, call: ConsulCall = {}): Promise<z.infer<Schema>> {
    const { text } = await this.#send(path, call);
    return parse(schema, path, text);
  }

  /** Like `ask`; undefined when Consul has no such thing. */
  async find<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.infer<Schema> | undefined> {
    const { status, text } = await this.#send(path, { alsoAnswers: [404] });
    return status === 404 ? undefined : parse(schema, path, text);
  }

  /** Sends and wants no more than a yes. */
  async tell(path: string, call: ConsulCall): Promise<void> {
    await this.#send(path, call);
  }

  /** The raw body and status of an answer. */
  async read(path: string, call: ConsulCall = {}): Promise<{ status: number; text: string }> {
    return this.#send(path, call);
  }

  async #send(path: string, { method = 'GET', body, alsoAnswers = [] }: ConsulCall): Promise<{ status: number; text: string }> {
    const answer = await this.#fetch(path, {
      method,
      headers: { ...(this.#token ? { 'x-consul-token': this.#token.reveal() } : {}), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(this.#signal ? { signal: this.#signal } : {}),
      timeout: ANSWER_TIMEOUT,
    });
    const text = await answer.text().catch((cause: unknown) => {
      throw new TransientError(`Consul broke off its answer to ${method} ${withoutQuery(path)}.`, { cause });
    });
    if (answer.ok || alsoAnswers.includes(answer.status)) return { status: answer.status, text };
    throw translateRefusal(answer.status, `${method} ${withoutQuery(path)}`, text);
  }
}

const withoutQuery = (path: string): string => path.split('?')[0] ?? path;

/** Refusals are short texts of Consul's own; they name no secret. */
function translateRefusal(status: number, what: string, text: string): Error {
  const said = text.slice(0, 300).trim();
  if (FINAL_STATUSES.has(status)) return new TerminalError('ConsulRefused', `Consul refused ${what}: ${said}`);
  return new TransientError(`Consul answered ${what} with ${status}: ${said}`);
}

function parse<Schema extends z.ZodType>(schema: Schema, path: string, text: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TransientError(`Consul answered ${withoutQuery(path)} with something that is not JSON.`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TransientError(`Consul answered ${withoutQuery(path)} in a form that is not understood.`, { cause: parsed.error });
}
