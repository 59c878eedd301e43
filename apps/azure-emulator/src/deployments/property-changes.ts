import { isObject, memberOf, type JsonObject, type JsonValue } from '../template-language/json-value';

/** One difference, in the shape that what-if answers with. */
export interface PropertyChange {
  path: string;
  propertyChangeType: 'Create' | 'Modify' | 'Delete' | 'Array';
  before?: JsonValue;
  after?: JsonValue;
  children?: PropertyChange[];
}

const normaliseLocation = (value: string): string => value.replaceAll(' ', '').toLowerCase();

/** Ids compare without case, locations also without blanks. */
function sameText(before: string, after: string, path: string): boolean {
  if (path === 'location') return normaliseLocation(before) === normaliseLocation(after);
  const isId = /^\/subscriptions\//i.test(before);
  return isId ? before.toLowerCase() === after.toLowerCase() : before === after;
}

function compareArrays(before: readonly JsonValue[], after: readonly JsonValue[], path: string): PropertyChange[] {
  const children: PropertyChange[] = [];
  for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
    const [old, wanted] = [before[index], after[index]];
    if (wanted === undefined) children.push({ path: String(index), propertyChangeType: 'Delete', before: old ?? null });
    else if (old === undefined) children.push({ path: String(index), propertyChangeType: 'Create', after: wanted });
    else children.push(...compare(old, wanted, String(index)));
  }
  return children.length === 0 ? [] : [{ path, propertyChangeType: 'Array', before: [...before], after: [...after], children }];
}

function compare(before: JsonValue, after: JsonValue, path: string): PropertyChange[] {
  if (isObject(before) && isObject(after)) return compareObjects(before, after, path);
  if (Array.isArray(before) && Array.isArray(after)) return compareArrays(before, after, path);
  const same = typeof before === 'string' && typeof after === 'string' ? sameText(before, after, path) : before === after;
  return same ? [] : [{ path, propertyChangeType: 'Modify', before, after }];
}

function compareObjects(before: JsonObject, after: JsonObject, path: string): PropertyChange[] {
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const wanted = Object.entries(after).flatMap(([name, value]) => {
    const old = memberOf(before, name);
    if (old !== undefined) return compare(old, value, below(name));
    return value === null ? [] : [{ path: below(name), propertyChangeType: 'Create' as const, after: value }];
  });
  // What the template does not mention stays as it is, except tags: a PUT replaces them.
  if (path !== 'tags') return wanted;
  const gone = Object.keys(before).filter((name) => memberOf(after, name) === undefined);
  return [
    ...wanted,
    ...gone.map((name) => ({ path: below(name), propertyChangeType: 'Delete' as const, before: before[name] ?? null })),
  ];
}

/** What a PUT of `body` would change in a resource that reads as `existing`. Empty: nothing. */
export const changesOf = (existing: JsonObject, body: JsonObject): PropertyChange[] => compareObjects(existing, body, '');
