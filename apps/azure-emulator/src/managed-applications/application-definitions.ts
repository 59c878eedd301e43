import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import { isJsonObject, textOf, type JsonObject } from '../arm/json';
import { sameId } from '../arm/resource-id';
import type { ResourceAccess } from '../arm/resource-provider';
import type { StoredResource } from '../arm/resource';
import type { ResourceDraft, ResourceType, ResourceWrite } from '../arm/resource-type';
import { API_VERSIONS, DEFINITION_TYPE, NAMESPACE } from './versions';

const authorization = z.looseObject({ principalId: z.guid().toLowerCase(), roleDefinitionId: z.string().min(1) });
export type Authorization = z.output<typeof authorization>;

const properties = z.looseObject({
  lockLevel: z.enum(['None', 'ReadOnly', 'CanNotDelete']),
  displayName: z.string().max(60).optional(),
  isEnabled: z.union([z.boolean(), z.enum(['true', 'false']).transform((value) => value === 'true')]).default(true),
  authorizations: z.array(authorization).default([]),
  mainTemplate: z.unknown().optional(),
  createUiDefinition: z.unknown().optional(),
  packageFileUri: z.string().optional(),
  notificationPolicy: z
    .looseObject({ notificationEndpoints: z.array(z.looseObject({ uri: z.url({ protocol: /^https?$/ }) })).max(1) })
    .optional(),
  lockingPolicy: z.looseObject({ allowedActions: z.array(z.string()).default([]) }).optional(),
  deploymentPolicy: z.looseObject({ deploymentMode: z.enum(['NotSpecified', 'Incremental', 'Complete']) }).optional(),
});

/** What applications of a definition are made by. */
export interface Definition {
  readonly id: string;
  readonly name: string;
  readonly lockLevel: 'None' | 'ReadOnly' | 'CanNotDelete';
  readonly isEnabled: boolean;
  readonly authorizations: readonly Authorization[];
  readonly allowedActions: readonly string[];
  readonly deploymentMode: 'Incremental' | 'Complete';
  readonly notificationUri: string | undefined;
  readonly mainTemplate: JsonObject;
}

export interface Plan {
  readonly publisher: string;
  readonly product: string;
  readonly name: string;
  readonly version: string;
}

const invalid = (message: string): ArmError => new ArmError(400, 'InvalidApplicationDefinition', message);

function parse(body: JsonObject): z.output<typeof properties> {
  const parsed = properties.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`The application definition is not valid: properties.${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`);
}

/** Templates and interface definitions may be given as an object or as JSON text. */
function asObject(value: unknown, name: string): JsonObject | undefined {
  if (value === undefined || value === null) return undefined;
  if (isJsonObject(value)) return value;
  try {
    const parsed: unknown = JSON.parse(textOf(value));
    if (isJsonObject(parsed)) return parsed;
  } catch {
    // Refused below, as every other text that is no object.
  }
  throw invalid(`The property '${name}' is neither an object nor the JSON text of one.`);
}

const ROLE_NAME = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Definitions of managed applications. One that carries a `plan` stands for that Marketplace plan. */
export class ApplicationDefinitions implements ResourceType {
  readonly namespace = NAMESPACE;
  readonly type = 'applicationDefinitions';
  readonly apiVersions = API_VERSIONS;

  constructor(private readonly resources: ResourceAccess) {}

  validate({ id, body, existing }: ResourceWrite): void {
    if (!/^[a-zA-Z0-9_-]{3,64}$/.test(id.name))
      throw invalid(`The name '${id.name}' is invalid: 3 to 64 letters, digits, '-' and '_'.`);
    const read = parse(body.properties);
    for (const { roleDefinitionId } of read.authorizations) {
      if (!ROLE_NAME.test(roleDefinitionId))
        throw invalid(`The role definition '${roleDefinitionId}' is not the GUID of a role.`);
    }
    asObject(read.createUiDefinition, 'createUiDefinition');
    if (asObject(read.mainTemplate, 'mainTemplate') ?? existing?.hidden['mainTemplate']) return;
    throw invalid(`The property 'mainTemplate' is required: a package cannot be fetched from '${read.packageFileUri ?? ''}'.`);
  }

  draft({ body, existing }: ResourceWrite): ResourceDraft {
    const { mainTemplate, createUiDefinition, ...read } = parse(body.properties);
    return {
      properties: {
        ...read,
        artifacts: [
          { name: 'ApplicationResourceTemplate', type: 'Template' },
          { name: 'CreateUiDefinition', type: 'Custom' },
        ],
      },
      hidden: {
        mainTemplate: asObject(mainTemplate, 'mainTemplate') ?? existing?.hidden['mainTemplate'],
        createUiDefinition: asObject(createUiDefinition, 'createUiDefinition') ?? existing?.hidden['createUiDefinition'],
      },
    };
  }

  /** The definition an application names, or the one its plan stands for. Throws `ApplicationDefinitionNotFound` (404). */
  async require(kind: string, definitionId: string | undefined, plan: Plan | undefined): Promise<Definition> {
    const found = kind === 'MarketPlace' ? this.findByPlan(plan) : await this.findById(definitionId);
    if (!found) {
      const wanted =
        kind === 'MarketPlace' ? `plan '${plan?.publisher}:${plan?.product}:${plan?.name}'` : `'${definitionId ?? ''}'`;
      throw new ArmError(404, 'ApplicationDefinitionNotFound', `The application definition ${wanted} could not be found.`);
    }
    const definition = toDefinition(found);
    if (definition.isEnabled) return definition;
    throw new ArmError(400, 'ApplicationDefinitionDisabled', `The application definition '${found.id}' is disabled.`);
  }

  /** Plans of the same product, to which an application could be moved. */
  plansOf({ publisher, product }: Plan): Plan[] {
    return this.all().flatMap(({ plan }) => {
      const other = plan as Plan | undefined;
      return other && same(other.publisher, publisher) && same(other.product, product) ? [other] : [];
    });
  }

  private all(): readonly StoredResource[] {
    return this.resources.listByType(DEFINITION_TYPE, '/');
  }

  private findByPlan(wanted: Plan | undefined): StoredResource | undefined {
    if (!wanted) return undefined;
    return this.all().find(({ plan }) => {
      const { publisher, product, name, version } = (plan ?? {}) as Partial<Plan>;
      const matches = same(publisher, wanted.publisher) && same(product, wanted.product) && same(name, wanted.name);
      return matches && (version === undefined || same(version, wanted.version));
    });
  }

  private async findById(id: string | undefined): Promise<StoredResource | undefined> {
    const found = id === undefined ? undefined : await this.resources.get(id);
    return found && sameId(found.id, id ?? '') && found.type === DEFINITION_TYPE ? found : undefined;
  }
}

const same = (left: string | undefined, right: string): boolean => left?.toLowerCase() === right.toLowerCase();

function toDefinition({ id, name, properties: stored, hidden }: StoredResource): Definition {
  const read = parse(stored);
  return {
    id,
    name,
    lockLevel: read.lockLevel,
    isEnabled: read.isEnabled,
    authorizations: read.authorizations,
    allowedActions: read.lockingPolicy?.allowedActions ?? [],
    deploymentMode: read.deploymentPolicy?.deploymentMode === 'Complete' ? 'Complete' : 'Incremental',
    notificationUri: read.notificationPolicy?.notificationEndpoints[0]?.uri,
    mainTemplate: hidden['mainTemplate'] as JsonObject,
  };
}
