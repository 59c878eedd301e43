import { z } from 'zod';

/** Every field that a schema has, as a path: `versions[].status`. */
export function fieldsOf(schema: z.ZodType, path = ''): string[] {
  if (schema instanceof z.ZodOptional) return fieldsOf(schema.unwrap() as z.ZodType, path);
  if (schema instanceof z.ZodArray) return fieldsOf(schema.element as z.ZodType, `${path}[]`);
  if (!(schema instanceof z.ZodObject)) return path === '' ? [] : [path];
  const prefix = path === '' ? '' : `${path}.`;
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, field]) =>
    fieldsOf(field, `${prefix}${name}`),
  );
}

/** Every field that an answer has, in the same form. */
export function fieldsIn(answer: unknown, path = ''): string[] {
  if (Array.isArray(answer)) return [...new Set(answer.flatMap((item) => fieldsIn(item, `${path}[]`)))];
  if (typeof answer !== 'object' || answer === null) return [path];
  const prefix = path === '' ? '' : `${path}.`;
  return Object.entries(answer).flatMap(([name, field]) => fieldsIn(field, `${prefix}${name}`));
}
