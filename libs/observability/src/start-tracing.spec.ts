import { startSpanCollector, type SpanCollector } from '@managed-consul/testing';
import { beginSpan, currentTraceparent, insideSpan, traced, traceHeaders } from '@managed-consul/tracing';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogger } from './logger';
import { startTracing, type Tracing } from './start-tracing';

let tracing: Tracing | undefined;
let collector: SpanCollector | undefined;
afterEach(async () => {
  await tracing?.stop();
  await collector?.stop();
  [tracing, collector] = [undefined, undefined];
});

async function trace(): Promise<SpanCollector> {
  collector = await startSpanCollector();
  tracing = startTracing({ app: 'worker', endpoint: collector.endpoint });
  return collector;
}

/** What the collector has once the process has stopped. */
async function sent() {
  await tracing?.stop();
  return collector?.spans ?? [];
}

const REMOTE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const TRACEPARENT = `00-${REMOTE.traceId}-${REMOTE.spanId}-01`;

describe('a trace', () => {
  it('goes on from whoever sent its traceparent, through what is awaited, to whom it is sent on', async () => {
    await trace();
    let passedOn: string | undefined;
    await traced('outer', { parent: TRACEPARENT, attributes: { clusterId: 'c-1' } }, async () => {
      await Promise.resolve();
      await traced('inner', { kind: 'client' }, async () => {
        passedOn = traceHeaders()['traceparent'];
      });
    });
    const [inner, outer] = await sent();
    expect(outer).toMatchObject({ name: 'outer', service: 'worker', attributes: { clusterId: 'c-1' } });
    expect([outer?.traceId, outer?.parentSpanId]).toEqual([REMOTE.traceId, REMOTE.spanId]);
    expect([inner?.traceId, inner?.parentSpanId]).toEqual([REMOTE.traceId, outer?.spanId]);
    expect(passedOn).toBe(`00-${REMOTE.traceId}-${inner?.spanId ?? ''}-01`);
  });

  it.each(['nonsense', '00-zz-zz-01', `00-${'0'.repeat(32)}-${REMOTE.spanId}-01`, ''])(
    'begins anew where the traceparent is %j',
    async (parent) => {
      await trace();
      await traced('alone', { parent }, () => Promise.resolve());
      const [alone] = await sent();
      expect(alone?.parentSpanId).toBe('');
      expect(alone?.traceId).toMatch(/^[0-9a-f]{32}$/);
    },
  );

  it('names what led to it without belonging to it', async () => {
    await trace();
    beginSpan('follow-up', { link: TRACEPARENT }).end();
    const [span] = await sent();
    expect(span?.linkedTraces).toEqual([REMOTE.traceId]);
    expect(span?.traceId).not.toBe(REMOTE.traceId);
  });

  it('tells of an error its class and never its message', async () => {
    await trace();
    const fails = traced('fails', {}, () => Promise.reject(new RangeError('password=hunter2')));
    await expect(fails).rejects.toThrow('hunter2');
    const spans = await sent();
    expect(spans).toMatchObject([{ attributes: { 'error.type': 'RangeError' } }]);
    expect(JSON.stringify(spans)).not.toContain('hunter2');
  });

  it('has its ids in every line of the log that is written in it', async () => {
    await trace();
    const lines: string[] = [];
    const log = createLogger({ app: 'worker', level: 'info' }, { write: (line: string) => void lines.push(line) });
    insideSpan(beginSpan('told', { parent: TRACEPARENT }), () => log.info('inside'));
    log.info('outside');
    const [inside, outside] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(inside).toMatchObject({ traceId: REMOTE.traceId, spanId: expect.any(String) });
    expect(outside).not.toHaveProperty('traceId');
  });

  it('costs nothing and is told to nobody without a collector', async () => {
    tracing = startTracing({ app: 'worker', endpoint: undefined });
    await traced('unseen', { parent: TRACEPARENT }, async () => {
      expect(currentTraceparent()).toBeUndefined();
      expect(traceHeaders()).toEqual({});
    });
  });

  it('disturbs nobody when its collector is away', async () => {
    tracing = startTracing({ app: 'worker', endpoint: 'http://127.0.0.1:9/v1/traces' });
    expect(await traced('lost', {}, () => Promise.resolve('done'))).toBe('done');
    await expect(tracing.stop()).resolves.toBeUndefined();
  });
});
