import { createHash } from 'node:crypto';
import type { DesiredState, DesiredStateFields } from './messages.schema';

/** JSON with the keys of every object in order, so that equal values give equal text. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
}

/** SHA-256 (lower-case hex) of a JSON value; the order of keys does not matter. */
export function hashOfJson(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** The hash by which a desired state is known. */
export function desiredStateHash(fields: DesiredStateFields): string {
  return hashOfJson(fields);
}

/** Adds the hash by which the agent knows what it has applied. The same fields always give the same state. */
export function sealDesiredState(fields: DesiredStateFields): DesiredState {
  return { ...fields, hash: desiredStateHash(fields) };
}

/** Whether `state` carries the hash of its own fields. */
export function desiredStateIsIntact({ hash, ...fields }: DesiredState): boolean {
  return desiredStateHash(fields) === hash;
}
