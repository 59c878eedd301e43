import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A call as the endpoint got it. */
interface ReceivedCall {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Answer = (call: ReceivedCall, response: ServerResponse) => void;

/** For tests: what stands behind a custom provider. It keeps every call and answers as it is told. */
export class CustomEndpoint {
  readonly received: ReceivedCall[] = [];
  answer: Answer = (_call, response) => answerJson(response, 200, {});

  private constructor(private readonly server: Server) {}

  static async open(): Promise<CustomEndpoint> {
    const server = createServer();
    const endpoint = new CustomEndpoint(server);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const call = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
        endpoint.received.push(call);
        endpoint.answer(call, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The last call. Throws when there was none. */
  get last(): ReceivedCall {
    const call = this.received.at(-1);
    if (!call) throw new Error('the endpoint was not called');
    return call;
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

/** Answers with JSON, as an endpoint of a custom provider must. */
export function answerJson(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(body));
}
