import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a machine is told about itself; change the fields while it runs. */
export interface TestInstance {
  vmId: string;
  name: string;
  address: string;
  /** Makes the token that the machine gets for an audience. */
  token: (audience: string) => Promise<string>;
}

export interface InstanceMetadataServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Azure's instance metadata service for one machine: the two questions that the agent asks, refused without `Metadata: true`. */
export async function startInstanceMetadata(instance: TestInstance): Promise<InstanceMetadataServer> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://metadata');
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.headers['metadata'] !== 'true') return void answer(400, { error: 'Required metadata header not specified' });
    if (url.pathname === '/metadata/instance') return void answer(200, describe(instance));
    if (url.pathname !== '/metadata/identity/oauth2/token') return void answer(404, { error: 'Not found' });
    instance.token(url.searchParams.get('resource') ?? '').then(
      (token) => answer(200, { access_token: token, token_type: 'Bearer' }),
      (error: unknown) => answer(500, { error: String(error) }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const describe = ({ vmId, name, address }: TestInstance) => ({
  compute: { vmId, name },
  network: { interface: [{ ipv4: { ipAddress: [{ privateIpAddress: address, publicIpAddress: '' }] } }] },
});
