import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLogger, withLogContext } from './logger';

const collect = (): { lines: () => Record<string, unknown>[]; stream: Writable } => {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString());
      done();
    },
  });
  const lines = () =>
    chunks
      .join('')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { lines, stream };
};

describe('createLogger', () => {
  it('adds the ids of the surrounding work to every line, also across awaits', async () => {
    const { lines, stream } = collect();
    const log = createLogger({ app: 'worker', level: 'info' }, stream);
    await withLogContext({ operationId: 'o-1' }, async () => {
      await Promise.resolve();
      withLogContext({ step: 'ensureNetwork' }, () => log.info('step begins'));
    });
    log.info('outside');
    expect(lines()[0]).toMatchObject({ app: 'worker', operationId: 'o-1', step: 'ensureNetwork', msg: 'step begins' });
    expect(lines()[1]).not.toHaveProperty('operationId');
  });

  it('censors the usual carriers of secrets', () => {
    const { lines, stream } = collect();
    const log = createLogger({ app: 'api', level: 'info' }, stream);
    const deep = { servers: [{ agent: { management_token: 'abc', tokens: [{ SecretID: 'abc', AccessorID: 'a-1' }] } }] };
    const key = { privateKey: 'abc', 'set-cookie': 'abc', connectionString: 'abc' };
    log.info({ headers: { authorization: 'Bearer abc' }, body: { secret: 'abc', password: 'abc' }, deep, key }, 'request');
    expect(JSON.stringify(lines())).not.toContain('abc');
    expect(lines()[0]).toMatchObject({ deep: { servers: [{ agent: { tokens: [{ AccessorID: 'a-1' }] } }] } });
  });

  it('leaves errors as they are, with what caused them', () => {
    const { lines, stream } = collect();
    const log = createLogger({ app: 'api', level: 'info' }, stream);
    log.error({ err: new Error('broken', { cause: new Error('the disk') }) }, 'request');
    expect(JSON.stringify(lines()[0])).toContain('the disk');
  });
});
