import { z } from 'zod';
import { idParamsSchema } from '@managed-consul/api-contract';
import { AppError, type ErrorDetail } from '@managed-consul/errors';

type Issue = z.core.$ZodIssue;

const targetOf = (path: readonly PropertyKey[]): string => path.map(String).join('.').slice(0, 128);

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

/** What a schema makes of an input: the fields that fit, and a problem for each that does not. */
export interface ExaminedInput<Value> {
  fields: Partial<Value>;
  problems: ErrorDetail[];
}

/**
 * Reads an object and goes on where it does not fit, so that the rules of the domain can look at the rest and one answer
 * tells everything. Throws InvalidRequest when the input is no object at all.
 */
export function examineInput<Schema extends z.ZodObject>(schema: Schema, input: unknown): ExaminedInput<z.output<Schema>> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new AppError('InvalidRequest', 'Send a JSON object as the body.');
  }
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
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.flatMap((issue) => detailsOf(issue, input));
  throw new AppError('InvalidRequest', 'The request does not fit; details tells what to mend.', { details });
}

/** An id out of the address. Throws InvalidRequest. */
export const readId = (id: string): string => readInput(idParamsSchema, { id }).id.toLowerCase();

/** A body that may be left out but holds nothing. Throws InvalidRequest. */
export const readNothing = (body: unknown): void => void readInput(z.strictObject({}), body ?? {});
