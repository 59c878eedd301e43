import type { z } from 'zod';
import { errorEnvelopeSchema, type ErrorEnvelopeBody } from './error.schema';
import type { RouteContract } from './route-contract';
import { routes, type RouteName } from './routes';

type Contract<Name extends RouteName> = (typeof routes)[Name];
type InputOf<Schema> = Schema extends z.ZodType ? z.input<Schema> : never;
type Part<Route, Key extends 'params' | 'query' | 'body'> = Route extends Record<Key, infer Schema> ? InputOf<Schema> : undefined;
type Answers<Route> = Route extends { answers: infer All } ? All[keyof All] : never;
type BodyOf<Answer> = Answer extends { schema: infer Schema } ? (Schema extends z.ZodType ? z.output<Schema> : never) : undefined;

/** What a call may carry; which parts are needed follows from the route. */
export interface CallOptions<Name extends RouteName> {
  params?: Part<Contract<Name>, 'params'>;
  query?: Part<Contract<Name>, 'query'>;
  body?: Part<Contract<Name>, 'body'>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Answer<Body> {
  status: number;
  headers: Headers;
  body: Body;
}

/** The service refused. `code` is stable; `details` holds every problem. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: NonNullable<ErrorEnvelopeBody['error']['details']>;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, envelope: ErrorEnvelopeBody, retryAfterSeconds?: number) {
    super(envelope.error.message);
    this.name = 'ApiError';
    this.status = status;
    this.code = envelope.error.code;
    this.details = envelope.error.details ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface ApiClient {
  call<Name extends RouteName>(name: Name, options?: CallOptions<Name>): Promise<Answer<BodyOf<Answers<Contract<Name>>>>>;
}

export interface ApiClientOptions {
  baseUrl: string;
  /** Gives the bearer token of each request. */
  token: () => Promise<string> | string;
  /** How long a call may take, in milliseconds; 90 s unless said, because an operation may be waited for. */
  timeout?: number;
  fetch?: typeof fetch;
}

function addressOf(
  baseUrl: string,
  route: RouteContract,
  params: Record<string, unknown>,
  query: Record<string, string | number | undefined>,
): URL {
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const url = new URL(path, baseUrl);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

async function refusalOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  const seconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  try {
    return new ApiError(response.status, errorEnvelopeSchema.parse(JSON.parse(text)), seconds);
  } catch {
    const message = `The service answered ${response.status} without saying why.`;
    return new ApiError(response.status, { error: { code: 'UnknownAnswer', message } }, seconds);
  }
}

/** A client of the API over fetch, typed by the contract. Throws `ApiError` for every 4xx and 5xx. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const send = options.fetch ?? fetch;
  return {
    async call(name, call = {}) {
      const route: RouteContract = routes[name];
      const url = addressOf(options.baseUrl, route, call.params ?? {}, call.query ?? {});
      const timeout = AbortSignal.timeout(options.timeout ?? 90_000);
      const response = await send(url, {
        method: route.method,
        headers: {
          accept: 'application/json',
          ...(route.body ? { 'content-type': 'application/json' } : {}),
          ...(route.access === 'bearer' ? { authorization: `Bearer ${await options.token()}` } : {}),
          ...call.headers,
        },
        ...(route.body ? { body: JSON.stringify(call.body ?? {}) } : {}),
        signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
      });
      if (!response.ok) throw await refusalOf(response);
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: (text === '' ? undefined : JSON.parse(text)) as never };
    },
  };
}
