import type { Server, Socket } from 'node:net';

type Admit = (socket: Socket) => void;

/** New connections in one turn of the event loop: each costs about a millisecond of cryptography. */
const PER_TURN = 2;

/**
 * Lets connections begin their TLS handshake in the order in which they came, a few in each turn of the event loop. When
 * thousands come at once, as after a restart, each handshake that has begun so ends soon, in place of all of them ending too late.
 * One that sends nothing holds nobody up.
 */
export function admitInTurn(server: Server): void {
  const listeners = server.listeners('connection') as Admit[];
  const admit: Admit = (socket) => {
    for (const listener of listeners) listener.call(server, socket);
  };
  let waiting: Socket[] = [];
  let next = 0;
  const takeTurn = (): void => {
    for (let taken = 0; taken < PER_TURN && next < waiting.length; next += 1) {
      const socket = waiting[next];
      if (!socket || socket.destroyed) continue;
      admit(socket);
      taken += 1;
    }
    if (next < waiting.length) setImmediate(takeTurn);
    else [waiting, next] = [[], 0];
  };
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    // Whoever gives up while it waits is passed by.
    socket.on('error', () => socket.destroy());
    waiting.push(socket);
    if (waiting.length === 1) setImmediate(takeTurn);
  });
}
