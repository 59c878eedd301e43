import { ArmError } from '../arm/arm-error';
import { asJsonObject, asText, isJsonObject, type JsonObject } from '../arm/json';
import { readTags } from '../arm/pipeline/body';
import { parseResourceId, type ResourceId } from '../arm/resource-id';
import { newEtag, type ResourceStore } from '../arm/resource-store';
import { type StoredResource, type Tags } from '../arm/resource';
import { type ResourceType } from '../arm/resource-type';
import { type Store } from '../store/store';

const OPERATIONS = ['Merge', 'Replace', 'Delete'] as const;

/** `{scope}/providers/Microsoft.Resources/tags/default`: the tags of a subscription, a group or a resource, on their own. */
export function tagsType(store: Store, resources: ResourceStore): ResourceType {
  const subscriptionTags = store.collection<{ tags: Tags }>('subscription-tags');

  const find = async ({ id, scope }: ResourceId): Promise<StoredResource | undefined> => {
    if (isSubscription(scope)) return toTags(id, subscriptionTags.get(scope.toLowerCase())?.tags ?? {});
    const owner = await resources.find(parseResourceId(scope));
    return owner && toTags(id, owner.tags ?? {});
  };

  const save = async ({ id, properties }: { id: string; properties: JsonObject }): Promise<void> => {
    const { scope } = parseResourceId(id);
    const tags = properties['tags'] as Tags;
    if (isSubscription(scope)) {
      subscriptionTags.put(scope.toLowerCase(), { tags });
      return;
    }
    const owner = await resources.find(parseResourceId(scope));
    if (owner) await resources.save(parseResourceId(scope), { ...owner, tags, etag: newEtag() });
  };

  return {
    namespace: 'Microsoft.Resources',
    type: 'tags',
    apiVersions: ['2025-04-01', '2021-04-01', '2020-06-01'],
    scope: 'extension',
    parseBody: readTagsBody,
    validate({ id, body, existing }) {
      if (id.name.toLowerCase() !== 'default')
        throw new ArmError(400, 'InvalidTagsName', "The name of tags on a scope is 'default'.");
      readTags(resultingTags(body.properties, existing));
    },
    draft: ({ body, existing }) => ({ properties: { tags: resultingTags(body.properties, existing) } }),
    present: ({ id, name, properties }) => ({
      id,
      name,
      type: 'Microsoft.Resources/tags',
      properties: { tags: properties['tags'] },
    }),
    source: {
      find,
      list: async (scope) =>
        [await find(parseResourceId(`${scope}/providers/Microsoft.Resources/tags/default`))].filter((one) => one !== undefined),
      save,
      remove: ({ id }) => save({ id, properties: { tags: {} } }),
    },
  };
}

const isSubscription = (scope: string): boolean => scope.split('/').filter(Boolean).length === 2;

const toTags = (id: string, tags: Tags): StoredResource => ({
  id,
  name: 'default',
  type: 'Microsoft.Resources/tags',
  properties: { tags },
  hidden: {},
  etag: '"tags"',
  systemData: { createdBy: '', createdByType: '', createdAt: '', lastModifiedBy: '', lastModifiedByType: '', lastModifiedAt: '' },
});

/** A PATCH says beside the tags what to do with them; it travels through the pipeline as a property of its own. */
function readTagsBody(text: string): JsonObject {
  let body: unknown;
  try {
    body = JSON.parse(text === '' ? '{}' : text);
  } catch {
    body = undefined;
  }
  if (!isJsonObject(body))
    throw new ArmError(400, 'InvalidRequestContent', 'The request content was invalid and could not be deserialized.');
  const operation = body['operation'];
  if (operation === undefined) return body;
  if (!OPERATIONS.some((one) => one === operation)) {
    throw new ArmError(
      400,
      'InvalidTagsOperation',
      `The operation '${asText(operation)}' is not one of ${OPERATIONS.join(', ')}.`,
    );
  }
  return { properties: { change: { operation, tags: asJsonObject(asJsonObject(body['properties'])['tags']) } } };
}

function resultingTags(properties: JsonObject, existing: StoredResource | undefined): Tags {
  const change = asJsonObject(properties['change']);
  if (change['operation'] === undefined) return asJsonObject(properties['tags']) as Tags;
  const before = asJsonObject(existing?.properties['tags']) as Tags;
  const named = asJsonObject(change['tags']) as Tags;
  if (change['operation'] === 'Replace') return named;
  if (change['operation'] === 'Merge') return { ...before, ...named };
  const isNamed = ([name, value]: [string, string]): boolean =>
    named[name] !== undefined && (named[name] === value || named[name] === '');
  return Object.fromEntries(Object.entries(before).filter((entry) => !isNamed(entry)));
}
