import { randomUUID } from 'node:crypto';
import { hours, type Clock } from '@managed-consul/config';
import { openDatabase, type Database } from '@managed-consul/database';

const hourOf = (at: Date): Date => new Date(Math.floor(at.getTime() / hours(1)) * hours(1));

/** A ledger of its own, written row by row as a test says. */
export class TestLedger {
  readonly database: Database;
  readonly #drop: () => Promise<void>;

  private constructor(database: Database, drop: () => Promise<void>) {
    this.database = database;
    this.#drop = drop;
  }

  /** On an empty database of its own, which goes with it. */
  static open({ url, drop }: { url: string; drop: () => Promise<void> }): TestLedger {
    return new TestLedger(openDatabase({ url, maxConnections: 4 }), drop);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.#drop();
  }

  /** An application; from the Marketplace, unless it is of a definition. */
  async newApplication(
    more: { definitionId?: string; resourceId?: string | null } = {},
  ): Promise<{ id: string; resourceId: string }> {
    const resourceId = randomUUID();
    const { id } = await this.database.prisma.installation.create({
      data: {
        ...{ kind: 'ManagedApplication', state: 'Ready', tenantId: randomUUID(), subscriptionId: randomUUID() },
        ...{ resourceGroup: `managed-${resourceId}`, region: 'westeurope', planId: 'on-demand' },
        applicationId: `/applications/${resourceId}`,
        applicationDefinitionId: more.definitionId ?? null,
        billingResourceUsageId: more.resourceId === undefined ? resourceId : more.resourceId,
      },
    });
    return { id, resourceId };
  }

  /** One row of the ledger for the hour that `at` lies in, in cluster seconds unless another meter is named. Gives its id. */
  async record(
    installationId: string,
    at: Date,
    quantity: number,
    { meter = 'cluster', corrects }: { meter?: string; corrects?: bigint } = {},
  ): Promise<bigint> {
    const hour = hourOf(at);
    const kind = corrects === undefined ? 'Measured' : quantity < 0 ? 'Credit' : 'Correction';
    const { id } = await this.database.prisma.usageRecord.create({
      data: {
        ...{ kind, clusterId: randomUUID(), installationId, hour, meter, planId: 'on-demand' },
        ...{ seconds: kind === 'Credit' ? -1 : 0, quantity, correctsId: corrects ?? null },
      },
    });
    return id;
  }

  /** Closes the hour that the clock stands in, and moves the clock five minutes into the next. Gives the closed hour. */
  async closeHour(clock: Clock & { advanceTo(moment: Date): void }): Promise<Date> {
    const hour = hourOf(clock.now());
    await this.database.prisma.usageHour.create({ data: { hour, closedAt: clock.now(), records: 0 } });
    clock.advanceTo(new Date(hour.getTime() + hours(1) + 300_000));
    return hour;
  }

  /** All rows of an installation and meter, summed. */
  async total(installationId: string, meter = 'cluster'): Promise<bigint> {
    const statement = `SELECT coalesce(sum(quantity), 0)::text AS total FROM usage_records WHERE installation_id = $1 AND meter = $2`;
    const { rows } = await this.database.pool.query<{ total: string }>(statement, [installationId, meter]);
    return BigInt(rows[0]?.total ?? 0);
  }
}
