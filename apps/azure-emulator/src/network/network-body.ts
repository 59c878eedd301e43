import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import { textOf, type JsonObject } from '../arm/json';
import type { StoredResource } from '../arm/resource';

/** A reference to another resource. */
export const reference = z.looseObject({ id: z.string().min(1) });
export type Reference = z.output<typeof reference>;

/** A named part of a resource's body, such as a subnet: what it is named, and properties by `properties`. */
export const namedPart = <Shape extends z.ZodType>(properties: Shape) =>
  z.looseObject({ name: z.string().min(1).max(80), id: z.string().optional(), properties });

/** Properties of a body by their schema; what the schema does not name is kept. Throws `InvalidRequestFormat` (400). */
export function readProperties<Schema extends z.ZodType>(schema: Schema, properties: JsonObject): z.output<Schema> {
  const parsed = schema.safeParse(properties);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map((issue) => ({
    code: 'InvalidRequestFormat',
    message: `properties.${issue.path.join('.')}: ${issue.message}`,
    target: `properties.${issue.path.join('.')}`,
  }));
  throw new ArmError(400, 'InvalidRequestFormat', 'Cannot parse the request.', { details });
}

const NAME = /^[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,78}[a-zA-Z0-9_])?$/;

/** The rule for names of all network resources. Throws `InvalidResourceName` (400). */
export function checkNetworkName(name: string): void {
  if (NAME.test(name)) return;
  throw new ArmError(
    400,
    'InvalidResourceName',
    `Resource name ${name} is invalid. The name can be up to 80 characters long. It must begin with a word character, and it must end with a ` +
      `word character or with '_'. The name may contain word characters or '.', '-', '_'.`,
  );
}

/** Throws `DuplicateResourceName` (400) when two parts of a list share a name. */
export function checkUniqueNames(owner: string, parts: readonly { name: string }[]): void {
  const seen = new Set<string>();
  for (const { name } of parts) {
    if (seen.has(name.toLowerCase())) {
      throw new ArmError(400, 'DuplicateResourceName', `Resource ${owner} has two child resources with the same name (${name}).`);
    }
    seen.add(name.toLowerCase());
  }
}

/** The etag as network resources show it in their bodies. */
export const shownEtag = (etag: string): string => `W/${etag}`;

/** A network resource as GET shows it, with `computed` beside its own properties. */
export function showResource(resource: StoredResource, computed: JsonObject = {}): JsonObject {
  const { hidden: _hidden, systemData: _systemData, etag, properties, ...envelope } = resource;
  return { ...envelope, etag: shownEtag(etag), properties: { ...properties, ...computed } };
}

/** A part as it is stored in its parent's body: with id, type and state. */
export const storedPart = (
  parentId: string,
  list: string,
  fullType: string,
  name: string,
  properties: JsonObject,
): JsonObject => ({
  id: `${parentId}/${list}/${name}`,
  name,
  type: fullType,
  etag: shownEtag(`"${randomUUID()}"`),
  properties: { ...properties, provisioningState: 'Succeeded' },
});

/** The id that Azure gives each network resource beside its name; kept over changes. */
export const resourceGuid = (existing: StoredResource | undefined): string =>
  textOf(existing?.properties['resourceGuid'], randomUUID());
