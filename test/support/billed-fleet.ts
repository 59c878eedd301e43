import { randomUUID } from 'node:crypto';
import type { Database, Installation, Transaction } from '@managed-consul/database';
import { recordServiceInstances } from '@managed-consul/usage';

const HOUR = 3_600_000;
const PLAN = 'on-demand-v2';
const SIZES = [1, 3, 5] as const;
/** The plan's tiers of service instances: up to so many each; the last has no end. */
const TIERS = [50, 250, Infinity];

interface State {
  /** Whole seconds since 1970. */
  at: number;
  charged: boolean;
  servers: number;
}

interface FleetCluster {
  id: string;
  installation: Installation;
  history: State[];
  /** By beginning of the hour: the most instances that were counted in it, and the last count. */
  counts: Map<number, { most: number; last: number }>;
}

/**
 * Clusters that live at random, by the same rows that workflows write, and their history as the test remembers it: what it should
 * all cost is computed from that by plain loops, which share nothing with the service.
 */
export class BilledFleet {
  readonly #database: Database;
  readonly #installations: readonly Installation[];
  readonly #random: () => number;
  readonly #size: number;
  readonly #clusters: FleetCluster[] = [];

  constructor(parts: { database: Database; installations: readonly Installation[]; random: () => number; size: number }) {
    this.#database = parts.database;
    this.#installations = parts.installations;
    this.#random = parts.random;
    this.#size = parts.size;
  }

  get size(): number {
    return this.#clusters.length;
  }

  /** What happens in the clock hour, in the order of time. `births` clusters are made in it at most. */
  async liveThrough(hour: Date, births: number): Promise<void> {
    const start = hour.getTime();
    const moments = Array.from({ length: births }, () => this.#momentIn(start)).sort((one, other) => one - other);
    for (const moment of moments) if (this.#clusters.length < this.#size) await this.#create(moment);
    const counts: Promise<void>[] = [];
    for (const cluster of this.#clusters) {
      if (this.#random() < 0.02)
        await this.#change(cluster, Math.max(this.#momentIn(start), (cluster.history.at(-1)?.at ?? 0) * 1000));
      if (cluster.history.at(-1)?.charged && this.#random() < 0.8) counts.push(this.#count(cluster, start));
    }
    await Promise.all(counts);
  }

  /** In the ledger's small units, by `resource|dimension`: all that the hours before `until` cost. */
  expected(until: Date): Map<string, bigint> {
    const sums = new Map<string, bigint>();
    for (const cluster of this.#clusters) {
      const resource = cluster.installation.billingResourceUsageId ?? '';
      const add = (dimension: string, amount: number) => {
        const key = `${resource}|${dimension}`;
        if (amount > 0) sums.set(key, (sums.get(key) ?? 0n) + BigInt(amount));
      };
      let last: number | undefined;
      const first = Math.floor(((cluster.history[0]?.at ?? 0) * 1000) / HOUR) * HOUR;
      for (let hour = first; hour < until.getTime(); hour += HOUR) {
        const seconds = this.#secondsIn(cluster, hour);
        const total = [...seconds.values()].reduce((sum, one) => sum + one, 0);
        for (const [servers, length] of seconds) add(`cluster_hours_${servers}`, length);
        const counted = cluster.counts.get(hour);
        // Who was not counted keeps the last count, as long as he runs.
        const instances = counted?.most ?? (total > 0 ? last : undefined);
        last = counted?.last ?? (total > 0 ? last : undefined);
        if (instances === undefined) continue;
        // Tiers are of the clock hour's time at each price; the plan has one price.
        TIERS.forEach((upTo, index) => {
          const inTier = Math.min(instances, upTo) - (TIERS[index - 1] ?? 0);
          add(`service_instance_hours_${index + 1}`, Math.max(inTier, 0) * total);
        });
      }
    }
    return sums;
  }

  #momentIn(start: number): number {
    return start + Math.floor(this.#random() * 3600) * 1000;
  }

  /** Charged seconds of the hour by number of servers. */
  #secondsIn({ history }: FleetCluster, hour: number): Map<number, number> {
    const seconds = new Map<number, number>();
    const [from, to] = [hour / 1000, (hour + HOUR) / 1000];
    history.forEach(({ at, charged, servers }, index) => {
      const length = Math.min(history[index + 1]?.at ?? Infinity, to) - Math.max(at, from);
      if (charged && length > 0) seconds.set(servers, (seconds.get(servers) ?? 0) + length);
    });
    return seconds;
  }

  async #at<Result>(moment: number, act: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return this.#database.prisma.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT set_config('managed_consul.usage_time', ${new Date(moment).toISOString()}, true)`;
      return act(tx);
    });
  }

  async #create(moment: number): Promise<void> {
    const installation = this.#installations[Math.floor(this.#random() * this.#installations.length)];
    if (!installation) throw new Error('A fleet needs a place.');
    const servers = SIZES[Math.floor(this.#random() * SIZES.length)] ?? 3;
    const number = this.#clusters.length;
    const data = {
      ...{
        id: randomUUID(),
        installationId: installation.id,
        name: `billed-${number}`,
        datacenter: 'dc1',
        region: installation.region,
      },
      ...{ consulVersion: '1.8.7', servers, vmSize: 'Standard_D2s_v3', planId: PLAN, email: 'team@example.com' },
      networkCidr: `10.${Math.floor(number / 256)}.${number % 256}.0/24`,
    };
    await this.#at(moment - 1000, (tx) => tx.cluster.create({ data: { ...data, provisioningState: 'Creating' } }));
    await this.#at(moment, (tx) => tx.cluster.update({ where: { id: data.id }, data: { provisioningState: 'Succeeded' } }));
    this.#clusters.push({
      ...{ id: data.id, installation, counts: new Map() },
      history: [{ at: moment / 1000, charged: true, servers }],
    });
  }

  async #change(cluster: FleetCluster, moment: number): Promise<void> {
    const now = cluster.history.at(-1);
    if (!now || (await this.#database.prisma.cluster.count({ where: { id: cluster.id, deletedAt: null } })) === 0) return;
    const update = (data: object) => this.#at(moment, (tx) => tx.cluster.update({ where: { id: cluster.id }, data: data }));
    const record = (state: Partial<State>) => void cluster.history.push({ ...now, ...state, at: moment / 1000 });
    const drawn = this.#random();
    if (!now.charged) {
      await update({ powerState: 'Running' });
      record({ charged: true });
    } else if (drawn < 0.35) {
      const servers = SIZES.filter((size) => size !== now.servers)[this.#random() < 0.5 ? 0 : 1] ?? 3;
      await update({ servers });
      record({ servers });
    } else if (drawn < 0.6) {
      await update({ powerState: 'Suspended' });
      record({ charged: false });
    } else if (drawn < 0.85) {
      // An upgrade changes nothing that is billed.
      await update({ provisioningState: 'Updating' });
      await update({ provisioningState: 'Succeeded', consulVersion: '1.8.19' });
    } else {
      await update({ provisioningState: 'Deleted', deletedAt: new Date(moment) });
      record({ charged: false });
    }
  }

  async #count(cluster: FleetCluster, hour: number): Promise<void> {
    // All chance before the first wait: counts of several clusters are on at once, and a seed has to give the same again.
    const looks = Array.from({ length: 1 + Math.floor(this.#random() * 2) }, () => Math.floor(this.#random() * 400));
    for (const [look, instances] of looks.entries()) {
      await recordServiceInstances(this.#database.prisma, cluster.id, instances, new Date(hour + look * 60_000));
      const before = cluster.counts.get(hour);
      cluster.counts.set(hour, { most: Math.max(before?.most ?? 0, instances), last: instances });
    }
  }
}
