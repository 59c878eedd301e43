import { ArmError } from '../arm-error';
import { asJsonObject, isJsonObject, type JsonObject } from '../json';
import { type ResourceBody, type StoredResource, type Tags } from '../resource';

const MAX_TAGS = 50;

const invalid = (message: string): ArmError =>
  new ArmError(400, 'InvalidRequestContent', `The request content was invalid: ${message}`);

function readText(body: JsonObject, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalid(`'${name}' must be a string.`);
  return value;
}

function readObject(body: JsonObject, name: string): JsonObject | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) throw invalid(`'${name}' must be an object.`);
  return value;
}

/** Tags of a body, checked against Resource Manager's bounds: 50 tags, names to 512 and values to 256 characters. */
export function readTags(value: unknown): Tags | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) throw invalid("'tags' must be an object.");
  const entries = Object.entries(value);
  if (entries.length > MAX_TAGS)
    throw new ArmError(400, 'InvalidTags', `The number of tags '${entries.length}' is over the limit of '${MAX_TAGS}'.`);
  for (const [name, text] of entries) {
    if (typeof text !== 'string') throw invalid(`the value of tag '${name}' must be a string.`);
    if (name.length === 0 || name.length > 512 || /[<>%&\\?/]/.test(name)) {
      throw new ArmError(
        400,
        'InvalidTagNameCharacters',
        `The tag name '${name}' has reserved characters '<,>,%,&,\\,?,/' or is too long.`,
      );
    }
    if (text.length > 256)
      throw new ArmError(400, 'InvalidTagValueLength', `The value of tag '${name}' is longer than 256 characters.`);
  }
  return value as Tags;
}

/** The envelope and properties of a PUT or PATCH body. Unknown members of the envelope are dropped, as Azure does. */
export function readResourceBody(body: JsonObject): ResourceBody {
  const zones = body['zones'];
  if (zones !== undefined && zones !== null && !(Array.isArray(zones) && zones.every((zone) => typeof zone === 'string'))) {
    throw invalid("'zones' must be a list of strings.");
  }
  const read: Record<string, unknown> = {
    location: readText(body, 'location'),
    tags: readTags(body['tags']),
    kind: readText(body, 'kind'),
    managedBy: readText(body, 'managedBy'),
    sku: readObject(body, 'sku'),
    plan: readObject(body, 'plan'),
    identity: readObject(body, 'identity'),
    zones: zones ?? undefined,
    properties: readObject(body, 'properties') ?? {},
  };
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined)) as unknown as ResourceBody;
}

/** JSON merge patch (RFC 7396): null removes, objects merge, all else replaces. */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const kept = Object.entries(target).filter(([name]) => patch[name] !== null);
  const changed = Object.entries(patch)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, isJsonObject(value) ? mergePatch(asJsonObject(target[name]), value) : value] as const);
  return Object.fromEntries([...kept, ...changed]);
}

/** The whole body that a PATCH asks for: tags are replaced, identity and properties merged, a missing member stays. */
export function applyPatch(existing: StoredResource, patch: JsonObject): ResourceBody {
  const { location, tags, kind, managedBy, sku, plan, identity, zones, properties } = existing;
  const before = JSON.parse(
    JSON.stringify({ location, tags, kind, managedBy, sku, plan, identity, zones, properties }),
  ) as JsonObject;
  const merged = mergePatch(before, { ...patch, tags: undefined });
  return readResourceBody({ ...merged, tags: patch['tags'] === undefined ? tags : patch['tags'] });
}
