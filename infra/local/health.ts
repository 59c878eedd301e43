import { request as requestHttp } from 'node:http';
import { request as requestHttps, type RequestOptions } from 'node:https';

const TIMEOUT = 2000;

export interface Answer {
  status: number;
  body: string;
}

function get(url: string, options: RequestOptions): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const begin = url.startsWith('https:') ? requestHttps : requestHttp;
    const request = begin(url, { ...options, agent: false, timeout: TIMEOUT }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.once('error', () => resolve(undefined));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined));
    request.end();
  });
}

/** Whether `url` answers 200 within two seconds. `ca` is the PEM of the authority to trust, for HTTPS. */
export async function answersOk(url: string, ca?: string): Promise<boolean> {
  return (await get(url, ca === undefined ? {} : { ca }))?.status === 200;
}

/** What an HTTPS server that goes by the name `servername` answers; undefined when it cannot be reached or is not trusted. */
export const httpsStatus = (url: string, ca: string, servername: string): Promise<Answer | undefined> =>
  get(url, { ca, servername });
