import { ArmError } from '../arm/arm-error';
import { type StoredResource } from '../arm/resource';

type Condition = (resource: StoredResource) => boolean;

const same = (left: string | undefined, right: string): boolean => left?.toLowerCase() === right.toLowerCase();

const groupOf = (resource: StoredResource): string | undefined => resource.id.split('/')[4];

function condition(name: string, operator: string, value: string): Condition | undefined {
  const isEqual = operator === 'eq';
  switch (name.toLowerCase()) {
    case 'resourcetype':
      return (resource) => same(resource.type, value) === isEqual;
    case 'resourcegroup':
      return (resource) => same(groupOf(resource), value) === isEqual;
    case 'name':
      return (resource) => same(resource.name, value) === isEqual;
    case 'location':
      return (resource) => same(resource.location, value) === isEqual;
    case 'tagname':
      return (resource) => Object.keys(resource.tags ?? {}).some((tag) => same(tag, value)) === isEqual;
    default:
      return undefined;
  }
}

const tagCondition =
  (name: string, value: string): Condition =>
  (resource) =>
    Object.entries(resource.tags ?? {}).some(([tag, text]) => same(tag, name) && text === value);

const unquote = (text: string): string => text.replaceAll("''", "'");

const invalid = (filter: string): ArmError =>
  new ArmError(400, 'InvalidFilterInQueryString', `Invalid $filter '${filter}' specified in the query string.`);

/**
 * Reads `$filter` of the lists of resources and groups: comparisons by `eq` and `ne` joined by `and`, on resourceType,
 * resourceGroup, name, location, tagName with tagValue. Anything else is refused (400), never ignored.
 */
export function readResourceFilter(filter: string | null): Condition {
  if (filter === null || filter.trim() === '') return () => true;
  const parts = [...filter.matchAll(/\s*(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'\s*(and\b|$)/gi)];
  if (parts.map(([whole]) => whole).join('').length !== filter.length) throw invalid(filter);
  const comparisons = parts.map(([, name = '', operator = '', value = '']) => ({
    name,
    operator: operator.toLowerCase(),
    value: unquote(value),
  }));
  const tagName = comparisons.find(({ name }) => same(name, 'tagName'));
  const conditions = comparisons.map(({ name, operator, value }) => {
    const isTagValue = same(name, 'tagValue') && operator === 'eq' && tagName !== undefined;
    const made = isTagValue ? tagCondition(tagName.value, value) : condition(name, operator, value);
    if (!made) throw invalid(filter);
    return made;
  });
  return (resource) => conditions.every((holds) => holds(resource));
}
