import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hours, minutes } from '@managed-consul/config';
import { Metrics } from '@managed-consul/observability';
import { parseExposition, RowBench } from '@managed-consul/testing';
import { addServiceMetrics } from './service-metrics';

let bench: RowBench;
const metrics = new Metrics();
beforeAll(async () => {
  bench = await RowBench.open();
  addServiceMetrics(metrics, bench.database);
});
afterAll(() => bench.close());

const days = (count: number) => hours(24 * count);
const scrape = async () => parseExposition(await metrics.text());
const ago = (time: number) => new Date(Date.now() - time);

const newOperation = (more: object) =>
  bench.database.prisma.operation.create({
    data: { kind: 'work', subject: randomUUID(), requestedBy: 'customer', state: 'Running', ...more },
  });

describe('the figures of the service', () => {
  it('tell how long the operation that nobody took is past its time, and not of one that a worker holds', async () => {
    expect((await scrape()).value('managed_consul_queue_age_seconds', {})).toBe(0);
    await newOperation({ wakeAt: ago(hours(3)), leaseOwner: 'worker', leaseUntil: ago(-hours(1)) });
    expect((await scrape()).value('managed_consul_queue_due_operations', {})).toBe(0);
    await newOperation({ wakeAt: ago(minutes(10)) });
    const figures = await scrape();
    expect(figures.value('managed_consul_queue_due_operations', {})).toBe(1);
    expect(figures.value('managed_consul_queue_age_seconds', {})).toBeGreaterThanOrEqual(600);
  });

  it('count operations that take longer than they may', async () => {
    await newOperation({ wakeAt: null, pagedAt: ago(0) });
    expect((await scrape()).value('managed_consul_operations_overdue', { kind: 'work' })).toBe(1);
  });

  it('tell the days of the certificate that ends first, passing over what was replaced and machines that are gone, and name none', async () => {
    const owner = `cluster/${await bench.newCluster({ servers: 2 })}`;
    const certificate = (serial: string, vmId: string, age: number, left: number) => ({
      ...{ owner, serial, purpose: `server/${vmId}`, subject: 'server', pem: '' },
      ...{ notBefore: ago(days(age)), notAfter: ago(-days(left)) },
    });
    await bench.database.prisma.certificate.createMany({
      data: [
        certificate('1', 'vm-0', 9, 1),
        certificate('2', 'vm-0', 2, 20),
        certificate('3', 'vm-1', 2, 30),
        certificate('4', 'vm-gone', 2, 3),
      ],
    });
    const figures = await scrape();
    expect(figures.value('managed_consul_certificate_days', { purpose: 'server' })).toBeCloseTo(20, 1);
    expect(figures.samples.filter(({ name }) => name === 'managed_consul_certificate_days')).toHaveLength(1);
  });

  it('tell the age of the newest snapshot where it is oldest, and nothing while there is none', async () => {
    expect((await scrape()).samples.some(({ name }) => name === 'managed_consul_snapshot_age_seconds')).toBe(false);
    const clusterId = await bench.newCluster();
    const { installationId } = await bench.database.prisma.cluster.findUniqueOrThrow({ where: { id: clusterId } });
    const about = { clusterId, installationId, kind: 'SCHEDULED' as const, state: 'VERIFIED' as const, requestedBy: 'service' };
    const data = [hours(50), hours(2)].map((age, index) => ({
      ...about,
      ...{ name: `snapshot-${index}`, verifiedAt: ago(age), expiresAt: ago(-days(30)) },
    }));
    await bench.database.prisma.snapshot.createMany({ data });
    expect(((await scrape()).value('managed_consul_snapshot_age_seconds', {}) / hours(1)) * 1000).toBeCloseTo(2, 1);
  });
});

it('leaves out what cannot be read, counts that, and still tells the rest', async () => {
  const some = new Metrics();
  some.gauge('broken', 'A figure that cannot be read.', [], () => Promise.reject(new Error('gone')));
  some.counter('counted_total', 'A figure that can.').add();
  await some.text();
  const figures = parseExposition(await some.text());
  expect(figures.samples.some(({ name }) => name === 'broken')).toBe(false);
  expect(figures.value('counted_total', {})).toBe(1);
  expect(figures.value('managed_consul_metric_read_failures_total', {})).toBeGreaterThanOrEqual(1);
});
