import { randomUUID } from 'node:crypto';
import { notExpectedHere } from '../evaluation-scope';
import { define, text, wrongArgument, type FunctionCall, type FunctionTable } from './template-function';

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** .NET's custom date format, for the letters that templates use; `u` is the sortable universal form. */
function formatDate(date: Date, pattern: string, call: FunctionCall): string {
  if (pattern === 'u') return `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
  if (pattern === 'd') return `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${date.getUTCFullYear()}`;
  if (/^[A-Za-z]$/.test(pattern)) throw wrongArgument(call, `the date format '${pattern}' is not known`);
  const parts: Record<string, string> = {
    yyyy: String(date.getUTCFullYear()).padStart(4, '0'),
    yy: twoDigits(date.getUTCFullYear() % 100),
    MM: twoDigits(date.getUTCMonth() + 1),
    M: String(date.getUTCMonth() + 1),
    dd: twoDigits(date.getUTCDate()),
    d: String(date.getUTCDate()),
    HH: twoDigits(date.getUTCHours()),
    mm: twoDigits(date.getUTCMinutes()),
    ss: twoDigits(date.getUTCSeconds()),
    fff: String(date.getUTCMilliseconds()).padStart(3, '0'),
  };
  return pattern.replace(
    /'([^']*)'|yyyy|yy|MM|M|dd|d|HH|mm|ss|fff/g,
    (found, quoted: string | undefined) => quoted ?? parts[found] ?? found,
  );
}

const DURATION = /^(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

function addDuration(base: string, duration: string, call: FunctionCall): Date {
  const date = new Date(base);
  const parts = DURATION.exec(duration);
  if (Number.isNaN(date.getTime())) throw wrongArgument(call, `'${base}' is not a date`);
  if (!parts || duration.endsWith('P') || duration.endsWith('T'))
    throw wrongArgument(call, `'${duration}' is not an ISO 8601 duration`);
  const sign = parts[1] ? -1 : 1;
  const [years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = parts
    .slice(2)
    .map((part: string | undefined) => sign * Number(part ?? 0));
  date.setUTCFullYear(date.getUTCFullYear() + years, date.getUTCMonth() + months, date.getUTCDate() + weeks * 7 + days);
  date.setTime(date.getTime() + ((hours * 60 + minutes) * 60 + seconds) * 1000);
  return date;
}

const COMPACT = "yyyyMMdd'T'HHmmss'Z'";

/** Dates. `utcNow` and `newGuid` change on every evaluation, so ARM allows them only in a parameter's default value. */
export const dateFunctions: FunctionTable = {
  utcnow: define([0, 1], ([pattern], call) => {
    if (!call.scope.defaults) throw notExpectedHere(call.name);
    return formatDate(call.scope.defaults.now, pattern === undefined ? COMPACT : text(pattern, call), call);
  }),
  newguid: define(0, (_, call) => {
    if (!call.scope.defaults) throw notExpectedHere(call.name);
    return randomUUID();
  }),
  datetimeadd: define([2, 3], ([base, duration, pattern], call) => {
    const date = addDuration(text(base, call), text(duration, call), call);
    return formatDate(date, pattern === undefined ? "yyyy-MM-dd'T'HH:mm:ss'Z'" : text(pattern, call), call);
  }),
};
