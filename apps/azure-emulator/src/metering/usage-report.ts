import { hours } from '@managed-consul/config';
import { ArmError } from '../arm/arm-error';
import { type Principal } from '../arm/principal';
import { type JsonObject } from '../arm/json';
import { type MeteredResource } from './metered-resources';
import { type MeteringSwitches } from './metering-switches';
import { type UsageEvent } from './usage-event';
import { type UsageEvents } from './usage-events';

/** Longest span of one report. */
const LONGEST_DAYS = 400;

export interface ReportParts {
  readonly events: UsageEvents;
  readonly switches: MeteringSwitches;
  /** Undefined for an application that is gone: its usage is still reported. */
  readonly find: (resourceId: string) => MeteredResource | undefined;
  readonly now: Date;
}

const bad = (message: string): ArmError => new ArmError(400, 'BadArgument', message);

function readDay(text: string | undefined, name: string): Date | undefined {
  if (text === undefined || text === '') return undefined;
  const read = new Date(text);
  if (Number.isNaN(read.getTime())) throw bad(`The ${name} '${text}' is not a time.`);
  return new Date(`${read.toISOString().slice(0, 10)}T00:00:00Z`);
}

function daysOf(query: ReadonlyMap<string, string>, now: Date): string[] {
  const first = readDay(query.get('usagestartdate'), 'usageStartDate');
  if (!first) throw bad('The usageStartDate is required.');
  const last = readDay(query.get('usageenddate'), 'usageEndDate') ?? now;
  const count = Math.floor((last.getTime() - first.getTime()) / hours(24)) + 1;
  if (count < 1 || count > LONGEST_DAYS) throw bad(`The span of the report is not between 1 and ${LONGEST_DAYS} days.`);
  return Array.from({ length: count }, (_, index) => new Date(first.getTime() + hours(24 * index)).toISOString().slice(0, 10));
}

/** One row for a day, resource, dimension and plan, of what the caller's tenant published and sent. */
export function reportUsage(query: URLSearchParams, caller: Principal, parts: ReportParts): JsonObject[] {
  const asked = new Map([...query].map(([name, value]) => [name.toLowerCase(), value]));
  const rows = daysOf(asked, parts.now).flatMap((day) => {
    const groups = Map.groupBy(
      parts.events.listDay(day).filter((event) => event.publisherTenantId === caller.tenantId),
      ({ resourceId, dimension, planId }) => `${resourceId}|${dimension}|${planId}`,
    );
    return [...groups.values()].map((events) => describeDay(day, events, parts));
  });
  const filters = ['offerId', 'planId', 'dimension', 'azureSubscriptionId', 'reconStatus'];
  const fits = (row: JsonObject): boolean =>
    filters.every((name) => [undefined, '', row[name]].includes(asked.get(name.toLowerCase())));
  return rows.filter(fits);
}

function describeDay(day: string, events: readonly UsageEvent[], { switches, find }: ReportParts): JsonObject {
  const [{ resourceId, dimension, planId, offerId, resourceUri }] = events as [UsageEvent];
  const submittedQuantity = events.reduce((sum, { quantity }) => sum + quantity, 0);
  const asked = switches.findReconciliation(dimension);
  return {
    usageDate: `${day}T00:00:00Z`,
    usageResourceId: resourceId,
    dimension,
    planId,
    planName: planId,
    offerId,
    offerName: offerId,
    offerType: 'AzureApp',
    azureSubscriptionId: find(resourceId)?.subscriptionId ?? resourceUri.split('/')[2] ?? '',
    reconStatus: asked?.reconStatus ?? 'Accepted',
    submittedQuantity,
    processedQuantity: asked ? asked.processedQuantity : submittedQuantity,
    submittedCount: events.length,
  };
}
