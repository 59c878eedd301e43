import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { minutes, seconds, type Milliseconds } from '@managed-consul/config';
import type { ConsulAddress } from './consul-configuration';
import { TaskFailedError } from './task-error';

/** A request that the agent makes itself of a Consul on this machine. */
export interface LocalConsulRequest {
  address: ConsulAddress;
  /** Not needed by the few addresses that anybody may ask. */
  token?: string;
  method?: 'GET' | 'PUT';
  path: string;
  body?: Readable;
  /** Length of the body. */
  bodyBytes?: number;
  signal: AbortSignal;
  /** Statuses that are an answer beside 2xx. */
  alsoAnswers?: readonly number[];
  /** Until the answer's headers are there (default 30 s). */
  timeout?: Milliseconds;
}

const ANSWER_TIMEOUT = seconds(30);
/** How long a body may stand still; storage that is slow to take what comes holds it up. */
const IDLE_TIMEOUT = minutes(15);
const SHOWN_WORDS = 300;

/**
 * Asks Consul over HTTPS and gives its answer, whose body streams. Throws `TaskFailedError`: `ConsulNotReachable` when there is
 * no answer, `ConsulRefused` for any but a 2xx and what `alsoAnswers`.
 */
export async function askConsul(asked: LocalConsulRequest): Promise<IncomingMessage> {
  const answer = await send(asked);
  const status = answer.statusCode ?? 0;
  if ((status >= 200 && status < 300) || asked.alsoAnswers?.includes(status)) return answer;
  const words = (await text(answer).catch(() => '')).trim().slice(0, SHOWN_WORDS);
  // 5xx: no leader, or a follower that cannot reach it; 429: not healthy now.
  throw new TaskFailedError('ConsulRefused', `Consul answered ${status} to ${asked.path}: ${words}`, {
    mayPass: status >= 500 || status === 429,
  });
}

/** The same, for an answer that is JSON. */
export async function askConsulForJson(asked: LocalConsulRequest): Promise<unknown> {
  return JSON.parse(await text(await askConsul(asked)));
}

async function send(asked: LocalConsulRequest): Promise<IncomingMessage> {
  const { body, signal, timeout = ANSWER_TIMEOUT } = asked;
  const answered = new AbortController();
  const timer = setTimeout(() => answered.abort(new Error('Consul did not answer in time.')), timeout);
  try {
    return await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = open(asked, AbortSignal.any([signal, answered.signal]));
      outgoing.once('response', (answer: IncomingMessage) => {
        answer.setTimeout(IDLE_TIMEOUT, () => answer.destroy(new Error('Consul does not go on with its answer.')));
        resolve(answer);
      });
      outgoing.once('error', reject);
      if (body) pipeline(body, outgoing).catch(reject);
      else outgoing.end();
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new TaskFailedError('ConsulNotReachable', 'Consul on this machine does not answer.', { mayPass: true, cause });
  } finally {
    clearTimeout(timer);
  }
}

function open({ address, token, method = 'GET', path, bodyBytes }: LocalConsulRequest, signal: AbortSignal): ClientRequest {
  const { host, port, ca, serverName } = address;
  const headers: Record<string, string> = {
    ...(token === undefined ? {} : { 'x-consul-token': token }),
    ...(bodyBytes === undefined ? {} : { 'content-length': String(bodyBytes) }),
  };
  const options = { host, port, method, path, headers, agent: false as const, signal };
  return ca === undefined ? httpRequest(options) : httpsRequest({ ...options, ca, servername: serverName });
}
