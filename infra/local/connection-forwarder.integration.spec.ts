import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { freePort, portIsFree } from '../../tools/processes/free-port';
import { startConnectionForwarder, type ConnectionForwarder } from './connection-forwarder';

const servers: Server[] = [];
const forwarders: ConnectionForwarder[] = [];
afterEach(async () => {
  for (const forwarder of forwarders.splice(0)) await forwarder.close();
  for (const server of servers.splice(0)) server.close();
});

/** Answers each connection with its name and what it was sent. */
async function namedServer(name: string): Promise<number> {
  const server = createServer((socket) => socket.once('data', (data) => socket.end(`${name}:${data.toString()}`)));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

it('spreads connections in turn and passes over a gateway that is down', async () => {
  const down = await freePort();
  const port = await freePort();
  forwarders.push(await startConnectionForwarder(port, [await namedServer('a'), down, await namedServer('b')]));
  const answers = [await ask(port, '1'), await ask(port, '2'), await ask(port, '3')];
  expect(answers).toEqual(['a:1', 'b:2', 'a:3']);
});

it('closes the connection when no gateway is up', async () => {
  const port = await freePort();
  forwarders.push(await startConnectionForwarder(port, [await freePort()]));
  expect(await ask(port, '1').catch(() => '')).toBe('');
});

it('breaks the connections that are open when it is closed, and gives the port back', async () => {
  const port = await freePort();
  const forwarder = await startConnectionForwarder(port, [await namedServer('silent')]);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const ended = once(socket, 'close');
  await forwarder.close();
  await ended;
  expect(await portIsFree(port)).toBe(true);
});
