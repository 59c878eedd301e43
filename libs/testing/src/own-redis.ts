import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../tools/processes/free-port';
import { findRedis, startRedis, type RedisServer } from '../../../tools/servers/redis';

/** A Redis that a test may kill. */
export interface OwnRedis {
  readonly url: string;
  /** Kills the server at once, as `kill -9` does; nothing that it held is kept. */
  kill(): Promise<void>;
  /** Starts an empty server at the same address. */
  start(): Promise<void>;
  /** Ends the server and removes its folder. */
  close(): Promise<void>;
}

/** Starts a Redis for one test alone, on a free port, in a folder of its own. */
export async function startOwnRedis(): Promise<OwnRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'managed-consul-redis-'));
  const program = await findRedis();
  const options = { dataFolder: folder, logFile: join(folder, 'redis.log'), port: await freePort(), durable: false };
  let server: RedisServer = await startRedis(program, options);
  return {
    url: server.url,
    kill: async () => {
      const ended = new Promise((resolve) => server.process.once('exit', resolve));
      server.process.kill('SIGKILL');
      await ended;
    },
    start: async () => {
      server = await startRedis(program, options);
    },
    close: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
