/** The least that can hold an agent: TLS with a client certificate, an idle HTTP/2 session on it, and nothing else. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { createServer } from 'node:tls';
import { AGENT_TUNNEL_ALPN } from '@managed-consul/agent-protocol';

const [port = '0', certificateFile = '', keyFile = '', authorityFile = ''] = process.argv.slice(2);
const server = createServer(
  {
    cert: readFileSync(certificateFile),
    key: readFileSync(keyFile),
    ca: readFileSync(authorityFile),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ALPNProtocols: [AGENT_TUNNEL_ALPN],
  },
  (socket) => {
    socket.on('error', () => undefined);
    const session = connect('https://agent', { createConnection: () => socket, settings: { enablePush: false } });
    session.on('error', () => undefined);
  },
);
server.listen(Number(port), '127.0.0.1');
