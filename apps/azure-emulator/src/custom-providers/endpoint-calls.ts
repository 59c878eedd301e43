import type { Milliseconds } from '@managed-consul/config';
import { ArmError, type ArmErrorDetail } from '../arm/arm-error';
import { isJsonObject, type JsonObject } from '../arm/json';
import { REQUEST_PATH } from './manifest';

/** Largest answer that Resource Manager takes from a resource provider. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** A request as the endpoint of a custom provider gets it. */
export interface EndpointCall {
  readonly endpoint: string;
  readonly method: string;
  /** Id of the resource or action, as the client wrote it. */
  readonly path: string;
  readonly apiVersion: string;
  /** JSON text; undefined for none. */
  readonly body: string | undefined;
  /** Only what Resource Manager passes on: correlation, language, where the client came from. Never its token. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface EndpointAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject | undefined;
}

const PASSED_BACK = ['retry-after', 'location', 'azure-asyncoperation', 'etag'];

const encodePath = (path: string): string => path.split('/').filter(Boolean).map(encodeURIComponent).join('/');

/** The address to call: the endpoint with its own query, the path in place of `{requestPath}`, and the api-version. */
export function addressOf({ endpoint, path, apiVersion }: Pick<EndpointCall, 'endpoint' | 'path' | 'apiVersion'>): URL {
  const filled = endpoint.replace(new RegExp(`/?${REQUEST_PATH.replace(/[{}]/g, '\\$&')}`, 'i'), `/${encodePath(path)}`);
  const url = new URL(filled);
  if (!url.searchParams.has('api-version')) url.searchParams.append('api-version', apiVersion);
  return url;
}

const badGateway = (code: string, message: string): ArmError => new ArmError(502, code, message);

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) {
      const message = `The custom provider's endpoint answered with more than ${MAX_ANSWER_BYTES} bytes.`;
      throw badGateway('ResponseContentTooLarge', message);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** An answer is a JSON object or nothing. An error that is neither keeps its status. Throws `InvalidResponse` (502). */
function readObject(status: number, text: string): JsonObject | undefined {
  if (text.trim() === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Both what is no JSON and what is no object get the same answer.
  }
  if (status >= 400) {
    const error: ArmErrorDetail = {
      code: 'CustomProviderError',
      message: `The endpoint answered ${status} without a JSON object.`,
    };
    return { error };
  }
  throw badGateway('InvalidResponse', "The custom provider's endpoint did not answer with a JSON object.");
}

const headersOf = (response: Response): Record<string, string> =>
  Object.fromEntries(
    PASSED_BACK.map((name) => [name, response.headers.get(name)]).filter((pair): pair is [string, string] => pair[1] !== null),
  );

/**
 * Calls the endpoint. Its refusals are answers like any other; throws `GatewayTimeout` (504) when it takes longer than `within`,
 * 502 when it cannot be reached or what it says cannot be passed on. The address, which may hold a secret, is in no message.
 */
export async function callEndpoint(call: EndpointCall, within: Milliseconds): Promise<EndpointAnswer> {
  try {
    const response = await fetch(addressOf(call), {
      method: call.method,
      headers: {
        ...call.headers,
        accept: 'application/json',
        'content-type': 'application/json',
        'x-ms-customproviders-requestpath': call.path,
      },
      redirect: 'error',
      signal: AbortSignal.timeout(within),
      ...(call.body === undefined ? {} : { body: call.body }),
    });
    return {
      status: response.status,
      headers: headersOf(response),
      body: readObject(response.status, await readLimited(response)),
    };
  } catch (error) {
    if (error instanceof ArmError) throw error;
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      throw new ArmError(
        504,
        'GatewayTimeout',
        "The custom provider's endpoint did not answer within the specified time period.",
      );
    }
    throw badGateway('BadGateway', "The custom provider's endpoint could not be reached.");
  }
}
