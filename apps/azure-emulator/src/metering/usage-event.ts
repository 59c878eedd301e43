import { hours, type Milliseconds } from '@managed-consul/config';
import { textOf, type JsonObject } from '../arm/json';

/** Outcomes of one event, as the metering service names them. */
export const REFUSALS = [
  'Expired',
  'Error',
  'ResourceNotFound',
  'ResourceNotAuthorized',
  'ResourceNotActive',
  'InvalidDimension',
  'InvalidQuantity',
  'BadArgument',
] as const;

export type RefusalStatus = (typeof REFUSALS)[number];

/** An event that was taken: never changed, never taken again for its resource, dimension and hour. */
export interface UsageEvent {
  readonly usageEventId: string;
  readonly messageTime: string;
  /** The GUID that the application is billed by, however the publisher named it. */
  readonly resourceId: string;
  readonly resourceUri: string;
  readonly quantity: number;
  readonly dimension: string;
  readonly effectiveStartTime: string;
  readonly planId: string;
  readonly offerId: string;
  readonly publisherTenantId: string;
}

/** Why an event is not taken. */
export class UsageRefusal extends Error {
  readonly status: RefusalStatus;
  readonly target: string;

  constructor(status: RefusalStatus, target: string, message: string) {
    super(message);
    this.name = 'UsageRefusal';
    this.status = status;
    this.target = target;
  }
}

/** What a publisher sends, in form. */
export interface UsageRequest {
  readonly resourceId: string;
  readonly resourceUri: string;
  readonly quantity: number;
  readonly dimension: string;
  readonly start: Date;
  readonly planId: string;
}

/** Oldest usage that is taken. */
const OLDEST: Milliseconds = hours(24);

const missing = (name: string): UsageRefusal => new UsageRefusal('BadArgument', name, `The ${name} is required.`);

/** A time without a zone is meant as UTC. */
function readTime(text: string): Date {
  const isZoned = /(Z|[+-]\d{2}:?\d{2})$/i.test(text);
  return new Date(isZoned || !text.includes('T') ? text : `${text}Z`);
}

/** Checks the form of one event. Throws `UsageRefusal`. */
export function readUsageRequest(item: JsonObject): UsageRequest {
  const [resourceId, resourceUri, dimension, planId] = ['resourceId', 'resourceUri', 'dimension', 'planId'].map((name) =>
    textOf(item[name]).trim(),
  ) as [string, string, string, string];
  if ((resourceId === '') === (resourceUri === ''))
    throw new UsageRefusal('BadArgument', 'resourceId', 'Exactly one of resourceId and resourceUri is required.');
  if (dimension === '') throw missing('dimension');
  if (planId === '') throw missing('planId');
  const start = readTime(textOf(item['effectiveStartTime']));
  if (Number.isNaN(start.getTime())) throw missing('effectiveStartTime');
  const { quantity } = item;
  if (typeof quantity !== 'number') throw missing('quantity');
  if (quantity <= 0) throw new UsageRefusal('InvalidQuantity', 'quantity', 'The quantity must be greater than 0.');
  return { resourceId, resourceUri, quantity, dimension, start, planId };
}

/** Throws `UsageRefusal` when the usage is not of the last 24 hours. */
export function requireRecent({ start }: UsageRequest, now: Date): void {
  const age = now.getTime() - start.getTime();
  if (age < 0) throw new UsageRefusal('BadArgument', 'effectiveStartTime', 'The effectiveStartTime lies in the future.');
  if (age > OLDEST)
    throw new UsageRefusal('Expired', 'effectiveStartTime', 'The effectiveStartTime is more than 24 hours in the past.');
}

/** The clock hour (UTC) of a time, as in `2026-11-23T05`: of each there is one event for a resource and dimension. */
export const hourOf = (time: Date): string => time.toISOString().slice(0, 13);
