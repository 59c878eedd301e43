import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { ResourceManagementClient } from '@azure/arm-resources';
import { ClientSecretCredential } from '@azure/identity';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, sampleSeed, startTestEmulator, type TestEmulator } from '../emulator.builder';

const DOCUMENTS = 'raw.example.com';

describe('Azure under its public names', () => {
  let emulator: TestEmulator;
  const source = createServer((incoming, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ asked: incoming.url }));
  });

  beforeAll(async () => {
    source.listen(0, '127.0.0.1');
    await once(source, 'listening');
    const versions = `http://127.0.0.1:${(source.address() as AddressInfo).port}/versions`;
    emulator = await startTestEmulator({
      providers: [],
      seed: {
        ...sampleSeed,
        publicDocuments: [
          { host: DOCUMENTS, path: '/plans/defaults.json', content: { name: 'on-demand' } },
          { host: DOCUMENTS, path: '/versions', source: versions },
          { host: DOCUMENTS, path: '/broken', source: 'http://127.0.0.1:1/nothing' },
        ],
      },
    });
  });
  afterAll(async () => {
    await emulator.dispose();
    source.close();
  });

  /** Status of the proxy's answer, and what the tunnel then gives. */
  async function throughProxy(authority: string, path: string): Promise<{ status: number; text: string }> {
    const proxy = new URL(emulator.proxy);
    const asking = request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: authority });
    asking.end();
    const [answer, socket] = (await once(asking, 'connect')) as [{ statusCode: number }, import('node:net').Socket];
    if (answer.statusCode !== 200) {
      socket.destroy();
      return { status: answer.statusCode, text: '' };
    }
    const host = authority.split(':')[0] ?? '';
    const tunnel = connectTls({ socket, servername: host, ca: emulator.caPem });
    tunnel.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    return { status: 200, text: await text(tunnel) };
  }
  const bodyOf = (answer: { text: string }): unknown => JSON.parse(answer.text.slice(answer.text.indexOf('\r\n\r\n')));

  it('serves clients of the Azure SDK that were told nothing but a proxy', async () => {
    const { hostname, port } = new URL(emulator.proxy);
    const proxyOptions = { host: `http://${hostname}`, port: Number(port) };
    const credential = new ClientSecretCredential(sample.tenantId, sample.owner.clientId, sample.owner.secret, { proxyOptions });
    const client = new ResourceManagementClient(credential, sample.subscriptionId, { proxyOptions });
    expect((await client.resourceGroups.get('sample')).tags).toEqual({ purpose: 'tests' });
  });

  it.each(['management.azure.com:443', 'LOGIN.microsoftonline.com:443', 'graph.windows.net:8443', `${DOCUMENTS}:443`])(
    'leads %s to the emulator, with a certificate for that name',
    async (authority) => {
      expect((await throughProxy(authority, '/healthz')).text).toContain('200 OK');
    },
  );

  it('leads nobody out of this computer, and leaves its own addresses as they are', async () => {
    expect((await throughProxy('example.com:443', '/')).status).toBe(403);
    expect((await throughProxy('10.0.0.1:443', '/')).status).toBe(403);
    expect((await throughProxy('127.example.com:443', '/')).status).toBe(403);
    const own = new URL(emulator.endpoint);
    expect((await throughProxy(`127.0.0.1:${own.port}`, '/healthz')).text).toContain('200 OK');
    expect((await fetch(emulator.proxy)).status).toBe(405);
  });

  it.each(['2015-01-01', '2019-05-01', '2020-06-01', '2022-09-01'])(
    'describes the cloud in the shape of %s, with the names by which it was asked',
    async (version) => {
      const path = `/metadata/endpoints?api-version=${version}`;
      const publicly = bodyOf(await throughProxy('management.azure.com:443', path));
      const locally: unknown = await (await fetch(`${emulator.endpoint}${path}`)).json();
      const shapes: Record<string, (body: unknown) => unknown> = {
        '2015-01-01': (body) => {
          const { galleryEndpoint, graphEndpoint, authentication } = body as Record<string, unknown>;
          return [galleryEndpoint, graphEndpoint, (authentication as { loginEndpoint: string }).loginEndpoint];
        },
      };
      const single = (body: unknown): unknown[] => {
        const { resourceManager, graph, authentication } = body as Record<string, unknown>;
        return [resourceManager, graph, (authentication as { loginEndpoint: string }).loginEndpoint];
      };
      const isList = version === '2019-05-01' || version === '2020-06-01';
      expect(Array.isArray(publicly)).toBe(isList);
      const read = shapes[version] ?? ((body: unknown) => single(isList ? (body as unknown[])[0] : body));
      expect(read(publicly)).toEqual([
        'https://management.azure.com',
        'https://graph.windows.net',
        'https://login.microsoftonline.com',
      ]);
      expect(read(locally)).toEqual([emulator.endpoint, emulator.endpoint, emulator.endpoint]);
    },
  );

  it('answers public documents under their own name only, from the seed or from where they are made', async () => {
    expect(bodyOf(await throughProxy(`${DOCUMENTS}:443`, '/plans/defaults.json'))).toEqual({ name: 'on-demand' });
    expect(bodyOf(await throughProxy(`${DOCUMENTS}:443`, '/versions?platform_type=HCS'))).toEqual({
      asked: '/versions?platform_type=HCS',
    });
    expect((await throughProxy(`${DOCUMENTS}:443`, '/broken')).text).toContain('502');
    expect((await throughProxy('management.azure.com:443', '/plans/defaults.json')).text).toContain('404');
  });
});
