import { hours, minutes } from '@managed-consul/config';
import type { UsageEmission } from '@managed-consul/database';
import { TransientError } from '@managed-consul/errors';
import { createTestDatabase, FakeClock } from '@managed-consul/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  collectOwedUsage,
  readOwedUsage,
  reconcileUsage,
  sendBatch,
  sendBatches,
  sendParkedAgain,
  sortOutPastLimit,
  type MeteringService,
} from './index';
import { TestLedger } from './ledger.builder';
import { TestMarketplace } from './marketplace.builder';

const START = '2026-03-01T00:00:00Z';

describe('usage on its way to the Marketplace', () => {
  let ledger: TestLedger;
  let clock: FakeClock;
  let marketplace: TestMarketplace;

  beforeEach(async () => {
    ledger = TestLedger.open(await createTestDatabase());
    clock = new FakeClock(START);
    marketplace = new TestMarketplace(clock);
  });
  afterEach(() => ledger.close());

  const sendAll = async (): Promise<void> => {
    for (let sent = 1; sent > 0;) {
      const batch = await sendBatch({ database: ledger.database, metering: marketplace, clock });
      sent = batch.events;
    }
  };
  const emit = async (): Promise<void> => {
    await sortOutPastLimit(ledger.database, clock.now());
    await collectOwedUsage(ledger.database, clock.now());
    await sendAll();
  };
  const reconcile = () => reconcileUsage(ledger.database, marketplace, clock);
  const emissions = (): Promise<UsageEmission[]> =>
    ledger.database.prisma.usageEmission.findMany({ orderBy: [{ hour: 'asc' }, { dimension: 'asc' }] });
  const owed = () => readOwedUsage(ledger.database, clock.now());
  const passHours = async (count: number): Promise<void> => {
    for (let hour = 0; hour < count; hour += 1) await ledger.closeHour(clock);
  };

  it('tells Azure of each hour, dimension and resource once, in units of six places', async () => {
    const one = await ledger.newApplication();
    const other = await ledger.newApplication();
    const hour = clock.now();
    await ledger.record(one.id, hour, 3600);
    await ledger.record(one.id, hour, 1800);
    await ledger.record(one.id, hour, 7, { meter: 'service-instances' });
    await ledger.record(other.id, hour, 3600 * 2 ** 30, { meter: 'snapshot-storage' });
    await ledger.closeHour(clock);
    await emit();
    await emit();
    expect(marketplace.total(one.resourceId, 'cluster')).toBe(1_500_000n);
    expect(marketplace.total(one.resourceId, 'service-instances')).toBe(1_944n);
    expect(marketplace.total(other.resourceId, 'snapshot-storage')).toBe(1_000_000n);
    expect((await emissions()).map(({ state }) => state)).toEqual(['Accepted', 'Accepted', 'Accepted']);
    expect(marketplace.batches).toEqual([3]);
    expect(await owed()).toEqual([]);
  });

  it('sends nothing of an hour that is not closed, nor of what was not bought from the Marketplace', async () => {
    const bought = await ledger.newApplication();
    const own = await ledger.newApplication({ definitionId: '/definitions/own' });
    await ledger.record(bought.id, clock.now(), 3600);
    await ledger.record(own.id, clock.now(), 3600);
    await emit();
    expect(marketplace.taken.size).toBe(0);
    await ledger.closeHour(clock);
    await emit();
    expect([...marketplace.taken.values()].map(({ event }) => event.resourceId)).toEqual([bought.resourceId]);
  });

  it('sends the hour in which an application was deleted as soon as its usage is closed, and no other running hour', async () => {
    const [going, staying] = [await ledger.newApplication(), await ledger.newApplication()];
    await ledger.record(going.id, clock.now(), 3600);
    const before = await ledger.closeHour(clock);
    clock.advance(minutes(20));
    await ledger.record(going.id, clock.now(), 900);
    await ledger.record(staying.id, clock.now(), 900);
    const usageClosedAt = clock.now();
    await ledger.database.prisma.installation.update({ where: { id: going.id }, data: { usageClosedAt } });
    await emit();
    expect([...marketplace.taken.values()].map(({ event }) => [event.resourceId, event.hour, event.quantity])).toEqual([
      [going.resourceId, before, '1.000000'],
      [going.resourceId, new Date(before.getTime() + hours(1)), '0.250000'],
    ]);
    // What the hour turns out to be more, when it is closed for all, is owed and sent with no event of its own.
    await ledger.record(going.id, clock.now(), 36);
    await ledger.closeHour(clock);
    await emit();
    expect(marketplace.total(staying.resourceId, 'cluster')).toBe(250_000n);
    expect(await owed()).toMatchObject([{ dimension: 'cluster', unplanned: '36' }]);
  });

  it('loses nothing by rounding: all events together come to the rounded whole', async () => {
    const { id, resourceId } = await ledger.newApplication();
    for (let hour = 0; hour < 12; hour += 1) {
      await ledger.record(id, clock.now(), 1);
      await ledger.closeHour(clock);
      await emit();
    }
    // Twelve times 1/3600 rounded on its own would be 3336.
    expect(marketplace.total(resourceId, 'cluster')).toBe(3_333n);
  });

  it('splits what is owed into batches of 25', async () => {
    const { id } = await ledger.newApplication();
    for (let meter = 0; meter < 60; meter += 1) await ledger.record(id, clock.now(), 3600, { meter: `cluster/${meter}` });
    await ledger.closeHour(clock);
    await emit();
    expect(marketplace.batches).toEqual([25, 25, 10]);
  });

  it('sends a correction with the next hour, because what was taken stays', async () => {
    const { id, resourceId } = await ledger.newApplication();
    const first = await ledger.record(id, clock.now(), 3600);
    const hour = await ledger.closeHour(clock);
    await emit();
    await ledger.record(id, hour, 600, { corrects: first });
    await ledger.record(id, clock.now(), 3600);
    await ledger.closeHour(clock);
    await emit();
    expect(marketplace.total(resourceId, 'cluster')).toBe(2_166_667n);
    const [, second] = await emissions();
    expect({ ledger: String(second?.ledgerQuantity), carried: String(second?.carriedQuantity) }).toEqual({
      ledger: '4200',
      carried: '600',
    });
  });

  it('holds hours back until a credit is used up, and then goes on', async () => {
    const { id, resourceId } = await ledger.newApplication();
    const first = await ledger.record(id, clock.now(), 3600);
    const hour = await ledger.closeHour(clock);
    await emit();
    await ledger.record(id, hour, -5400, { corrects: first });
    for (const expected of [1_000_000n, 1_500_000n, 2_500_000n]) {
      await ledger.record(id, clock.now(), 3600);
      await ledger.closeHour(clock);
      await emit();
      expect(marketplace.total(resourceId, 'cluster')).toBe(expected);
    }
    expect(await ledger.total(id)).toBe(9000n);
  });

  it('takes a duplicate of the same quantity for delivered, after an answer that was lost', async () => {
    const { id, resourceId } = await ledger.newApplication();
    await ledger.record(id, clock.now(), 3600);
    await ledger.closeHour(clock);
    marketplace.onCall = () => 'lost';
    await emit();
    expect(await emissions()).toMatchObject([{ state: 'Pending', mayBeTaken: true, attempts: 1 }]);
    marketplace.onCall = () => undefined;
    await sendAll();
    expect(marketplace.batches).toHaveLength(1);
    clock.advance(minutes(1));
    await sendAll();
    expect(await emissions()).toMatchObject([{ state: 'Accepted', attempts: 2 }]);
    expect(marketplace.total(resourceId, 'cluster')).toBe(1_000_000n);
  });

  it('says what is owed when Azure had taken another quantity', async () => {
    const { id, resourceId } = await ledger.newApplication();
    const hour = clock.now();
    await ledger.record(id, hour, 3600);
    const event = { resourceId, dimension: 'cluster', hour, planId: 'on-demand', quantity: '0.25' };
    marketplace.taken.set(`${resourceId}|cluster|${hour.toISOString()}`, { event, quantity: 250_000n });
    await ledger.closeHour(clock);
    await emit();
    expect(await emissions()).toMatchObject([{ state: 'Mismatched' }]);
    expect(await owed()).toMatchObject([{ dimension: 'cluster', mismatchedUnits: '0.750000' }]);
  });

  it('waits as long as Azure asks', async () => {
    const { id } = await ledger.newApplication();
    await ledger.record(id, clock.now(), 3600);
    await ledger.closeHour(clock);
    marketplace.onCall = () => ({ retryAfterSeconds: 90 });
    await collectOwedUsage(ledger.database, clock.now());
    const sent = await sendBatch({ database: ledger.database, metering: marketplace, clock });
    expect(sent).toEqual({ events: 0, waitFor: 90_000 });
    marketplace.onCall = () => undefined;
    clock.advance(89_000);
    await sendAll();
    expect(marketplace.taken.size).toBe(0);
    clock.advance(2_000);
    await sendAll();
    expect(marketplace.taken.size).toBe(1);
  });

  describe('in several lanes', () => {
    const LANES = 3;
    let calls = 0;
    let most = 0;
    /** A Marketplace that answers only when as many calls are on as there are lanes, and after that at once. */
    const slowly = (answer: (call: number) => Promise<void>): MeteringService => {
      let allAreOn = (): void => undefined;
      const barrier = new Promise<void>((resolve) => (allAreOn = resolve));
      let on = 0;
      [calls, most] = [0, 0];
      return {
        report: (first, last) => marketplace.report(first, last),
        send: async (events) => {
          const call = (calls += 1);
          on += 1;
          most = Math.max(most, on);
          if (on === LANES) allAreOn();
          await barrier;
          on -= 1;
          await answer(call);
          return marketplace.send(events);
        },
      };
    };
    const plan = async (events: number): Promise<void> => {
      for (let index = 0; index < events; index += 1) await ledger.record((await ledger.newApplication()).id, clock.now(), 3600);
      await ledger.closeHour(clock);
      await collectOwedUsage(ledger.database, clock.now());
    };

    it('sends every event once, with no more calls on at once than lanes', async () => {
      await plan(101);
      const metering = slowly(() => Promise.resolve());
      const sent = await sendBatches({ database: ledger.database, metering, clock }, { lanes: LANES, batches: 10 });
      expect(sent).toEqual({ events: 101, waitFor: undefined });
      expect([calls, most]).toEqual([5, LANES]);
      expect(marketplace.taken.size).toBe(101);
    });

    it('ends all of them when Azure asks to be left alone, and after as many batches as it may send', async () => {
      await plan(200);
      const parts = { database: ledger.database, clock };
      const busy = slowly((call) =>
        call === 1 ? Promise.reject(new TransientError('429', { retryAfterSeconds: 40 })) : Promise.resolve(),
      );
      const sent = await sendBatches({ ...parts, metering: busy }, { lanes: LANES, batches: 8 });
      expect(sent).toEqual({ events: (calls - 1) * 25, waitFor: 40_000 });
      expect(calls).toBeLessThan(8);
      await sendBatches({ ...parts, metering: marketplace }, { lanes: 1, batches: 1 });
      expect(marketplace.taken.size).toBe(calls * 25);
    });

    it('says so when one of them fails, and leaves none behind', async () => {
      await plan(75);
      let ended = 0;
      const broken = slowly((call) => {
        ended += 1;
        return call === 1 ? Promise.reject(new Error('broken')) : Promise.resolve();
      });
      const parts = { database: ledger.database, metering: broken, clock };
      await expect(sendBatches(parts, { lanes: LANES, batches: 3 })).rejects.toThrow('broken');
      expect(ended).toBe(3);
      expect(marketplace.taken.size).toBe(50);
    });
  });

  it.each([
    'ResourceNotFound',
    'ResourceNotAuthorized',
    'ResourceNotActive',
    'InvalidDimension',
    'InvalidQuantity',
    'BadArgument',
  ])('parks what is refused as %s, sends the rest, and sends it again when it is told to', async (status) => {
    const { id, resourceId } = await ledger.newApplication();
    await ledger.record(id, clock.now(), 3600);
    await ledger.record(id, clock.now(), 3600, { meter: 'service-instances' });
    await ledger.closeHour(clock);
    marketplace.onEvent = ({ dimension }) => (dimension === 'cluster' ? status : undefined);
    await emit();
    expect(await owed()).toMatchObject([{ dimension: 'cluster', parked: '3600', parkedEvents: 1 }]);
    expect((await emissions())[0]?.problem).toContain(status);
    marketplace.onEvent = () => undefined;
    clock.advance(hours(1));
    await sendAll();
    expect(marketplace.total(resourceId, 'cluster')).toBe(0n);
    expect(await sendParkedAgain(ledger.database.prisma, id, clock.now())).toBe(1);
    await sendAll();
    expect(marketplace.total(resourceId, 'cluster')).toBe(1_000_000n);
    expect(await owed()).toEqual([]);
  });

  it('tries an event again that met an error', async () => {
    const { id, resourceId } = await ledger.newApplication();
    await ledger.record(id, clock.now(), 3600);
    await ledger.closeHour(clock);
    marketplace.onEvent = () => 'Error';
    await emit();
    marketplace.onEvent = () => undefined;
    clock.advance(minutes(1));
    await sendAll();
    expect(marketplace.total(resourceId, 'cluster')).toBe(1_000_000n);
  });

  it('carries hours over that could not be sent in time, marked, into the next one', async () => {
    const { id, resourceId } = await ledger.newApplication();
    for (let hour = 0; hour < 30; hour += 1) {
      await ledger.record(id, clock.now(), 3600);
      await ledger.closeHour(clock);
    }
    expect(await owed()).toMatchObject([{ dimension: 'cluster', unplanned: String(30 * 3600) }]);
    await emit();
    expect(marketplace.total(resourceId, 'cluster')).toBe(30_000_000n);
    const told = await emissions();
    expect(told).toHaveLength(23);
    expect(told.at(-1)).toMatchObject({ hour: new Date('2026-03-02T05:00:00Z'), state: 'Accepted' });
    expect(String(told.at(-1)?.carriedQuantity)).toBe(String(7 * 3600));
  });

  it('carries over what had been planned, but was never sent', async () => {
    const { id, resourceId } = await ledger.newApplication();
    await ledger.record(id, clock.now(), 3600);
    await ledger.closeHour(clock);
    await collectOwedUsage(ledger.database, clock.now());
    await passHours(30);
    await emit();
    expect((await emissions()).map(({ state }) => state)).toEqual(['Expired', 'Accepted']);
    expect(marketplace.total(resourceId, 'cluster')).toBe(1_000_000n);
  });

  it('never carries over what Azure may have taken, until its report has told', async () => {
    const { id, resourceId } = await ledger.newApplication();
    for (const mishap of ['lost', 'lost', 'unreachable'] as const) {
      await ledger.record(id, clock.now(), 3600);
      await ledger.closeHour(clock);
      marketplace.onCall = () => mishap;
      await emit();
    }
    marketplace.onCall = () => 'unreachable';
    await passHours(26);
    marketplace.onCall = () => undefined;
    await emit();
    expect((await emissions()).map(({ state }) => state)).toEqual(['Unresolved', 'Unresolved', 'Unresolved']);
    expect(await reconcile()).toMatchObject({ taken: 0, released: 0 });
    await passHours(48);
    expect(await reconcile()).toEqual({ taken: 2, released: 1, mismatched: 0 });
    await emit();
    expect((await emissions()).map(({ state }) => state).sort()).toEqual(['Accepted', 'Accepted', 'Accepted', 'Expired']);
    expect(marketplace.total(resourceId, 'cluster')).toBe(3_000_000n);
  });

  it('keeps days on which Azure and the service do not agree, until they do', async () => {
    const { id, resourceId } = await ledger.newApplication();
    await ledger.record(id, clock.now(), 3600);
    const hour = await ledger.closeHour(clock);
    await emit();
    const event = {
      resourceId,
      dimension: 'cluster',
      hour: new Date(hour.getTime() + hours(3)),
      planId: 'on-demand',
      quantity: '5',
    };
    marketplace.taken.set('by somebody else', { event, quantity: 5_000_000n });
    await passHours(52);
    expect(await reconcile()).toMatchObject({ mismatched: 1 });
    const [found] = await ledger.database.prisma.usageMismatch.findMany();
    expect({ sent: String(found?.sentQuantity), submitted: String(found?.submittedQuantity) }).toEqual({
      sent: '1',
      submitted: '6',
    });
    marketplace.taken.delete('by somebody else');
    expect(await reconcile()).toMatchObject({ mismatched: 0 });
    expect(await ledger.database.prisma.usageMismatch.count()).toBe(0);
  });

  it('keeps rows of an application whose billing id is not known yet', async () => {
    const { id, resourceId } = await ledger.newApplication({ resourceId: null });
    await ledger.record(id, clock.now(), 3600);
    await ledger.closeHour(clock);
    await emit();
    expect(await owed()).toMatchObject([{ unplanned: '3600' }]);
    await ledger.database.prisma.installation.update({ where: { id }, data: { billingResourceUsageId: resourceId } });
    await emit();
    expect(marketplace.total(resourceId, 'cluster')).toBe(1_000_000n);
  });

  it('plans and sends once, however many processes do it at the same time', async () => {
    const applications = await Promise.all(Array.from({ length: 40 }, () => ledger.newApplication()));
    for (const { id } of applications) await ledger.record(id, clock.now(), 3600);
    await ledger.closeHour(clock);
    await Promise.all([emit(), emit(), emit()]);
    expect(marketplace.taken.size).toBe(40);
    expect(marketplace.batches.reduce((sum, size) => sum + size, 0)).toBe(40);
    expect(await owed()).toEqual([]);
  });
});
