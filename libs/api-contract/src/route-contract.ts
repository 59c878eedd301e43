import type { z } from 'zod';

/** One answer of a route. Without a schema the body is empty, or not JSON when `contentType` says what it is. */
export interface AnswerContract {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly contentType?: string;
}

/** One route: what goes in, what comes out. `{name}` in the path stands for a parameter. */
export interface RouteContract {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: `/${string}`;
  readonly summary: string;
  readonly tag: string;
  /** `bearer`: Entra token; `public`: none; `signature`: the secret in the query. */
  readonly access: 'bearer' | 'public' | 'signature';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Takes an Idempotency-Key. */
  readonly idempotent?: true;
  /** Takes If-Match. */
  readonly conditional?: true;
  /** Begins an operation: the answer carries Operation-Location, Location and Retry-After. */
  readonly startsOperation?: true;
  readonly answers: Readonly<Record<number, AnswerContract>>;
}
