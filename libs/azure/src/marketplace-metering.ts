import { TerminalError, TransientError } from '@managed-consul/errors';
import { z } from 'zod';
import type { AzureConnection } from './connection';
import { callAzure } from './errors';

/** The resource that tokens for the metering service are asked for. */
const AUDIENCE = '20e940b3-4c77-4b0b-9a53-9e16a1b010a7';
const API_VERSION = '2018-08-31';

/** What one event says: the use of a resource in one dimension in one clock hour. */
export interface UsageEvent {
  readonly resourceId: string;
  readonly dimension: string;
  readonly hour: Date;
  readonly planId: string;
  /** Decimal text, at most six places. */
  readonly quantity: string;
}

/** What the service made of one event. */
export interface UsageOutcome {
  /** `Accepted`, `Duplicate`, or why it was not taken. */
  readonly status: string;
  readonly usageEventId: string | undefined;
  /** Of a duplicate: what was taken before, as decimal text. */
  readonly acceptedQuantity: string | undefined;
  readonly message: string | undefined;
}

/** One day of a resource and dimension in the service's report. */
export interface UsageReportRow {
  /** `YYYY-MM-DD` */
  readonly day: string;
  readonly resourceId: string;
  readonly dimension: string;
  readonly reconStatus: string;
  readonly submittedQuantity: string;
  readonly processedQuantity: string;
  readonly submittedCount: number;
}

const number = z.number().transform((value) => value.toFixed(6));
const taken = z.looseObject({ usageEventId: z.string().optional(), quantity: number.optional() });
const errorSchema = z.looseObject({
  message: z.string().optional(),
  additionalInfo: z.looseObject({ acceptedMessage: taken.optional() }).optional(),
});
const batchSchema = z.looseObject({
  result: z.array(z.looseObject({ status: z.string(), usageEventId: z.string().optional(), error: errorSchema.optional() })),
});
const reportSchema = z.array(
  z.looseObject({
    usageDate: z.string(),
    usageResourceId: z.string(),
    dimension: z.string(),
    reconStatus: z.string(),
    submittedQuantity: number,
    processedQuantity: number,
    submittedCount: z.number(),
  }),
);

/** The Marketplace metering service (2018-08-31). No call is repeated in here. */
export class MarketplaceMetering {
  readonly #connection: AzureConnection;

  constructor(connection: AzureConnection) {
    this.#connection = connection;
  }

  /**
   * Sends at most 25 events and gives their outcomes in the same order. Throws `TransientError` when there was no answer to
   * trust: then any of them may have been taken. Throws `TerminalError` when all were refused as one.
   */
  async send(events: readonly UsageEvent[], signal?: AbortSignal): Promise<UsageOutcome[]> {
    const request = events.map(({ hour, quantity, ...event }) => ({
      ...event,
      quantity: Number(quantity),
      effectiveStartTime: hour.toISOString(),
    }));
    const answer = await this.#call('send usage to the Marketplace', 'POST', '/batchUsageEvent', { request }, signal);
    const { result } = read(batchSchema, answer);
    if (result.length !== events.length)
      throw new TransientError(`The metering service answered ${result.length} outcomes for ${events.length} events.`);
    return result.map(({ status, usageEventId, error }) => {
      const before = error?.additionalInfo?.acceptedMessage;
      return {
        status,
        usageEventId: usageEventId ?? before?.usageEventId,
        acceptedQuantity: before?.quantity,
        message: error?.message,
      };
    });
  }

  /** What the service has of the days from `first` to `last` (UTC), both included. */
  async report(first: Date, last: Date, signal?: AbortSignal): Promise<UsageReportRow[]> {
    const span = new URLSearchParams({ usageStartDate: first.toISOString(), UsageEndDate: last.toISOString() });
    const answer = await this.#call('read the report of the Marketplace', 'GET', `/usageEvents?${span}`, undefined, signal);
    return read(reportSchema, answer).map(({ usageDate, usageResourceId, ...row }) => ({
      ...row,
      day: usageDate.slice(0, 10),
      resourceId: usageResourceId,
    }));
  }

  async #call(what: string, method: string, path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    const { credential, callTimeout, meteringEndpoint } = this.#connection;
    const found = await callAzure(what, () => credential.getToken(`${AUDIENCE}/.default`));
    const within = AbortSignal.timeout(callTimeout);
    const separator = path.includes('?') ? '&' : '?';
    try {
      const response = await fetch(`${meteringEndpoint}/api${path}${separator}api-version=${API_VERSION}`, {
        method,
        headers: { authorization: `Bearer ${found.token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([signal, within]) : within,
      });
      const text = await response.text();
      if (!response.ok) throw refused(what, response.status, response.headers.get('retry-after'), text);
      return JSON.parse(text) as unknown;
    } catch (error) {
      if (error instanceof TerminalError || error instanceof TransientError) throw error;
      throw new TransientError(`Azure could not ${what}`, { cause: error });
    }
  }
}

/** 403 is the service's own registration, which an operator mends while usage waits; any other 4xx stays refused. */
function refused(what: string, status: number, retryAfter: string | null, text: string): Error {
  const seconds = Number(retryAfter ?? Number.NaN);
  const message = `Azure could not ${what}: ${status} ${text.slice(0, 500)}`;
  if (status >= 500 || [401, 403, 408, 429].includes(status))
    return new TransientError(message, Number.isFinite(seconds) && seconds > 0 ? { retryAfterSeconds: seconds } : {});
  return new TerminalError('MeteringRefused', message);
}

function read<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new TransientError('The metering service answered in a form that is not known.', { cause: parsed.error });
}
