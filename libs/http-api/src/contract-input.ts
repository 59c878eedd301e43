import { z } from 'zod';
import { idParamsSchema } from '@managed-consul/api-contract';
import { AppError, type ErrorDetail } from '@managed-consul/errors';

type Issue = z.core.$ZodIssue;

const targetOf = (path: readonly PropertyKey[]): string => path.map(String).join('.').replaceAll('\0', '\\u0000').slice(0, 128);

interface Place {
  path: readonly string[];
  value: unknown;
}

const placesIn = ({ path, value }: Place): Place[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value as Record<string, unknown>).map(([name, inner]) => ({ path: [...path, name], value: inner }))
    : [];

/**
 * The first place whose text or name holds U+0000, which JSON can carry and PostgreSQL can store nowhere; undefined when there
 * is none. A loop and no recursion: a body of 1 MiB can be half a million arrays deep, and only three levels have a meaning.
 */
function findNul(input: unknown): readonly string[] | undefined {
  const DEEPEST = 8;
  const open: Place[] = [{ path: [], value: input }];
  for (let place = open.pop(); place; place = open.pop()) {
    if (place.path.at(-1)?.includes('\0') || (typeof place.value === 'string' && place.value.includes('\0'))) return place.path;
    if (place.path.length < DEEPEST) open.push(...placesIn(place).reverse());
  }
  return undefined;
}

/** What was sent, in a word, for a message that does not repeat it. */
const sentenceOf = (issue: Issue): string => {
  if (issue.code === 'invalid_type') return `Give a value of type ${issue.expected}.`;
  if (issue.code === 'invalid_value') return `Choose one of ${issue.values.map(String).join(', ')}.`;
  if (issue.code === 'invalid_format')
    return issue.format === 'regex' ? `The value ${issue.message}.` : `Give a value of the form ${issue.format}.`;
  return `${issue.message}.`;
};

function detailsOf(issue: Issue, input: unknown): ErrorDetail[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      code: 'UnknownField',
      target: targetOf([...issue.path, key]),
      message: 'There is no such field. Check its spelling, or leave it out.',
    }));
  }
  const target = targetOf(issue.path);
  if (issue.code === 'invalid_type' && isMissing(input, issue.path))
    return [{ code: 'Required', target, message: 'This field cannot be left out.' }];
  return [{ code: 'InvalidValue', ...(target ? { target } : {}), message: sentenceOf(issue) }];
}

function isMissing(input: unknown, path: readonly PropertyKey[]): boolean {
  let current = input;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return false;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return path.length > 0 && current === undefined;
}

/** Throws InvalidRequest for an input that PostgreSQL could not store, and names the place. */
function refuseNul(input: unknown): void {
  const path = findNul(input);
  if (!path) return;
  throw new AppError('InvalidRequest', 'Leave out the character U+0000: no name and no text may hold it.', {
    target: targetOf(path),
  });
}

/** What a schema makes of an input: the fields that fit, and a problem for each that does not. */
export interface ExaminedInput<Value> {
  fields: Partial<Value>;
  problems: ErrorDetail[];
}

/**
 * Reads an object and goes on where it does not fit, so that the rules of the domain can look at the rest and one answer
 * tells everything. Throws InvalidRequest when the input is no object at all, or holds U+0000.
 */
export function examineInput<Schema extends z.ZodObject>(schema: Schema, input: unknown): ExaminedInput<z.output<Schema>> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new AppError('InvalidRequest', 'Send a JSON object as the body.');
  }
  refuseNul(input);
  const parsed = schema.safeParse(input);
  if (parsed.success) return { fields: parsed.data, problems: [] };
  const wrong = new Set(parsed.error.issues.map((issue) => issue.path[0]));
  const fields = Object.fromEntries(Object.entries(input).filter(([name]) => name in schema.shape && !wrong.has(name)));
  return {
    fields: fields as Partial<z.output<Schema>>,
    problems: parsed.error.issues.flatMap((issue) => detailsOf(issue, input)),
  };
}

/** Reads an input that has to fit as it is. Throws InvalidRequest with every problem. */
export function readInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  refuseNul(input);
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.flatMap((issue) => detailsOf(issue, input));
  throw new AppError('InvalidRequest', 'The request does not fit; details tells what to mend.', { details });
}

/** An id out of the address. Throws InvalidRequest. */
export const readId = (id: string): string => readInput(idParamsSchema, { id }).id.toLowerCase();

/** A body that may be left out but holds nothing. Throws InvalidRequest. */
export const readNothing = (body: unknown): void => void readInput(z.strictObject({}), body ?? {});
