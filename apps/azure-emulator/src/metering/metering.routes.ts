import { type Principal } from '../arm/principal';
import { isJsonObject, type JsonObject } from '../arm/json';
import { ArmError } from '../arm/arm-error';
import { type EmulatorClock } from '../clock/emulator-clock';
import { type AccessTokens } from '../entra/access-tokens';
import { readControlBody } from '../faults/faults.routes';
import { type Seed } from '../seed/seed.schema';
import { type Route, type ServerRequest, type ServerResponse } from '../server/route';
import { type Store } from '../store/store';
import { MeteredResources, type StoredApplications } from './metered-resources';
import { MeteringGate } from './metering-gate';
import { MeteringSwitches, meteringSwitchSchema } from './metering-switches';
import { readUsageRequest, requireRecent, UsageRefusal, type UsageEvent } from './usage-event';
import { UsageEvents, type Delivery } from './usage-events';
import { reportUsage } from './usage-report';

/** Most events of one batch. */
const MOST_EVENTS = 25;
const NO_TIME = '0001-01-01T00:00:00';

export interface MeteringParts {
  readonly store: Store;
  readonly clock: EmulatorClock;
  readonly tokens: AccessTokens;
  readonly applications: StoredApplications;
  readonly definitions: Seed['applicationDefinitions'];
  readonly callsPerSecond: number;
}

/** The Marketplace metering service, 2018-08-31: `/api/usageEvent`, `/api/batchUsageEvent`, `/api/usageEvents`. */
export function meteringRoutes(parts: MeteringParts): Route[] {
  const gate = new MeteringGate(parts);
  const resources = new MeteredResources(parts.applications, parts.definitions);
  const events = new UsageEvents(parts.store, parts.clock);
  const switches = new MeteringSwitches();
  const deliver = (item: JsonObject, caller: Principal): Delivery => {
    const request = readUsageRequest(item);
    const resource = resources.require(request, caller);
    requireRecent(request, parts.clock.now());
    const asked = switches.takeOutcome(request);
    if (asked !== undefined) throw new UsageRefusal(asked, 'usageEvent', 'This outcome was asked for by a switch.');
    return events.deliver(request, { ...resource, publisherTenantId: caller.tenantId });
  };
  const find = (resourceId: string) => resources.find(resourceId);
  const route = (
    method: string,
    pattern: string,
    handle: (request: ServerRequest, caller: Principal) => ServerResponse,
  ): Route => ({
    method,
    pattern,
    access: { kind: 'anonymous' },
    handle: (request) => gate.pass(request, (caller) => handle(request, caller)),
  });
  return [
    route('POST', '/api/usageEvent', (request, caller) => answerOne(request.json(), (item) => deliver(item, caller))),
    route('POST', '/api/batchUsageEvent', (request, caller) => answerBatch(request.json(), (item) => deliver(item, caller))),
    route('GET', '/api/usageEvents', ({ query }, caller) => ({
      status: 200,
      body: reportUsage(query, caller, { events, switches, find, now: parts.clock.now() }),
    })),
    ...switchRoutes(switches),
  ];
}

function switchRoutes(switches: MeteringSwitches): Route[] {
  const route = (method: string, handle: Route['handle']): Route => ({
    method,
    pattern: '/_emulator/metering',
    access: { kind: 'anonymous' },
    handle,
  });
  return [
    route('GET', () => ({ status: 200, body: { value: switches.list() } })),
    route('POST', (request) => {
      switches.add(readControlBody(request, meteringSwitchSchema));
      return { status: 201, body: { value: switches.list() } };
    }),
    route('DELETE', () => {
      switches.clear();
      return { status: 204 };
    }),
  ];
}

function answerOne(item: JsonObject, deliver: (item: JsonObject) => Delivery): ServerResponse {
  try {
    const { status, event } = deliver(item);
    if (status === 'Accepted') return { status: 200, body: describe(event, item, 'Accepted') };
    return { status: 409, body: conflict(event, item) };
  } catch (error) {
    if (!(error instanceof UsageRefusal)) throw error;
    const { status, target, message } = error;
    if (status === 'ResourceNotAuthorized') throw new ArmError(403, 'Forbidden', message);
    if (status === 'Error') throw new ArmError(500, 'InternalServerError', message);
    const details = [{ message, target, code: 'BadArgument' }];
    const body = { message: 'One or more errors have occurred.', target: 'usageEventRequest', details, code: 'BadArgument' };
    return { status: 400, body };
  }
}

/** Each event has its own outcome: one that is refused does not stop the others. */
function answerBatch(body: JsonObject, deliver: (item: JsonObject) => Delivery): ServerResponse {
  const items = body['request'];
  if (!Array.isArray(items) || items.length === 0 || items.length > MOST_EVENTS || !items.every(isJsonObject))
    throw new ArmError(400, 'BadArgument', `The request must hold 1 to ${MOST_EVENTS} usage events.`);
  const result = items.map((item) => {
    try {
      const { status, event } = deliver(item);
      if (status === 'Accepted') return describe(event, item, 'Accepted');
      return { ...echo(item), status, messageTime: NO_TIME, error: conflict(event, item) };
    } catch (error) {
      if (!(error instanceof UsageRefusal)) throw error;
      const { status, target, message } = error;
      return { ...echo(item), status, messageTime: NO_TIME, error: { message, target, code: status } };
    }
  });
  return { status: 200, body: { count: result.length, result } };
}

const ECHOED = ['resourceId', 'resourceUri', 'quantity', 'dimension', 'effectiveStartTime', 'planId'];

const echo = (item: JsonObject): JsonObject =>
  Object.fromEntries(ECHOED.flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])));

const describe = ({ usageEventId, messageTime }: UsageEvent, item: JsonObject, status: string): JsonObject => ({
  usageEventId,
  status,
  messageTime,
  ...echo(item),
});

/** What a publisher compares its own amount with. */
const conflict = (event: UsageEvent, item: JsonObject): JsonObject => {
  const { quantity, dimension, effectiveStartTime, planId } = event;
  const named = item['resourceUri'] === undefined ? { resourceId: event.resourceId } : { resourceUri: event.resourceUri };
  const taken = { ...named, quantity, dimension, effectiveStartTime, planId };
  return {
    additionalInfo: { acceptedMessage: describe(event, taken, 'Duplicate') },
    message: 'This usage event already exist.',
    code: 'Conflict',
  };
};
