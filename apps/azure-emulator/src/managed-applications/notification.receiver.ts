import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a publisher was told. */
export interface ReceivedNotification {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** For tests: a publisher's notification endpoint that answers as it is told and keeps what it took (status below 400). */
export class NotificationReceiver {
  readonly received: ReceivedNotification[] = [];
  /** Every call, those that were turned away too. */
  calls = 0;
  /** What to answer; by default 200. */
  answer: () => number = () => 200;

  private constructor(private readonly server: Server) {}

  static async open(): Promise<NotificationReceiver> {
    const server = createServer();
    const receiver = new NotificationReceiver(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        receiver.calls += 1;
        const status = receiver.answer();
        const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>;
        if (status < 400) receiver.received.push({ path: request.url ?? '', body });
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  /** The endpoint to put into a definition. */
  get uri(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/notifications?sig=abc`;
  }

  /** `PUT/Accepted` and so on, of one application, in the order in which they came. */
  eventsOf(applicationName: string): string[] {
    const suffix = `/applications/${applicationName}`;
    return this.received
      .filter(({ body }) => String(body['applicationId']).endsWith(suffix))
      .map(({ body }) => `${String(body['eventType'])}/${String(body['provisioningState'])}`);
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
