/** JSON as it travels: what is inside is checked where it is read. */
export type JsonObject = Record<string, unknown>;

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `value` if it is an object, else an empty one: for optional parts of a body that were validated before. */
export const asJsonObject = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

/** `value` as text if it is a plain one, else `otherwise`: for members that were validated before or only go into a message. */
export function textOf(value: unknown, otherwise = ''): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : otherwise;
}

/** `value` if it is a string, else `otherwise`: for members that nobody has validated yet. */
export const asText = (value: unknown, otherwise = ''): string => (typeof value === 'string' ? value : otherwise);
