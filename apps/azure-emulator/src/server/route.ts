import { type Principal } from '../arm/principal';
import { type JsonObject } from '../arm/json';

/** A request after TLS, correlation, decoding and the bearer check. */
export interface ServerRequest {
  readonly method: string;
  /** Percent-decoded, slashes collapsed, without the query. Case as sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  /** Where the connection came from. */
  readonly clientAddress: string;
  /** As sent; routes that take JSON call `json()`. */
  readonly bodyText: string;
  /** Throws `InvalidRequestContent` (400). An empty body is `{}`. */
  json(): JsonObject;
  /** Segments that the pattern named, e.g. `{subscriptionId}`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Who asks; throws on a route with `access: 'anonymous'`. */
  readonly caller: Principal;
}

export interface ServerResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string is sent as it is. Undefined: no body. */
  readonly body?: unknown;
}

export interface Route {
  readonly method: string;
  /** `/subscriptions/{subscriptionId}/locations`; literal segments compare without case, a last `{rest*}` takes all that follows. */
  readonly pattern: string;
  /** `arm`: bearer token, api-version and throttling as for every ARM call; the permission is asked at the path's scope. `anonymous`: nothing is asked. */
  readonly access: { readonly kind: 'arm'; readonly permission: string | undefined } | { readonly kind: 'anonymous' };
  handle(request: ServerRequest): ServerResponse | Promise<ServerResponse>;
}
