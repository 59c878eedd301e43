import { hours, minutes } from '@managed-consul/config';
import { createTestDatabase, FakeClock } from '@managed-consul/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectOwedUsage, readOwedUsage, reconcileUsage, sendBatch, sortOutPastLimit } from './index';
import { TestLedger } from './ledger.builder';
import { TestMarketplace, type Mishap } from './marketplace.builder';

/** Linear congruential generator (Numerical Recipes): the same seed gives the same days. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('days of usage with an Azure that fails at random', () => {
  let ledger: TestLedger;
  const clock = new FakeClock('2026-03-27T00:00:00Z');

  beforeEach(async () => {
    ledger = TestLedger.open(await createTestDatabase());
  });
  afterEach(() => ledger.close());

  it('come to what the ledger says, to the unit, though answers are lost and Azure is away for 30 hours', async () => {
    const random = seeded(5);
    const marketplace = new TestMarketplace(clock);
    const applications = [await ledger.newApplication(), await ledger.newApplication(), await ledger.newApplication()];
    const mishap = (): Mishap | undefined => {
      const drawn = random();
      if (drawn < 0.2) return 'lost';
      if (drawn < 0.3) return 'unreachable';
      return drawn < 0.4 ? { retryAfterSeconds: 5 } : undefined;
    };
    const attempt = async (): Promise<void> => {
      await sortOutPastLimit(ledger.database, clock.now());
      await collectOwedUsage(ledger.database, clock.now());
      await sendBatch({ database: ledger.database, metering: marketplace, clock });
      // What fails is asked for again by the next look.
      await reconcileUsage(ledger.database, marketplace, clock).catch(() => undefined);
    };
    for (let hour = 0; hour < 170; hour += 1) {
      const isUsed = hour < 80;
      const isAway = hour >= 20 && hour < 50;
      marketplace.onCall = isAway ? () => (random() < 0.5 ? 'unreachable' : 'lost') : isUsed ? mishap : () => undefined;
      if (isAway) marketplace.onEvent = () => 'Error';
      else marketplace.onEvent = () => (isUsed && random() < 0.05 ? 'Error' : undefined);
      for (const { id } of applications)
        if (isUsed && random() < 0.9) await ledger.record(id, clock.now(), Math.ceil(random() * 3600));
      await ledger.closeHour(clock);
      await attempt();
      clock.advance(minutes(10));
      if (random() < 0.5) await attempt();
    }
    expect(await readOwedUsage(ledger.database, clock.now())).toEqual([]);
    for (const { id, resourceId } of applications) {
      const total = await ledger.total(id);
      expect(total).toBeGreaterThan(0n);
      expect(marketplace.total(resourceId, 'cluster')).toBe((total * 1_000_000n + 1800n) / 3600n);
    }
    const told = await ledger.database.prisma.usageEmission.groupBy({ by: ['state'], _count: true });
    expect(told.map(({ state }) => state).sort()).toEqual(['Accepted', 'Expired']);
    expect(clock.now().getTime()).toBeGreaterThan(hours(160));
  }, 120_000);
});
