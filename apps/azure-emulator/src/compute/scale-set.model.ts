/** The body of a scale set as the emulator reads it: what it obeys is typed, what it cannot obey is refused by name. */
import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import { asJsonObject, type JsonObject } from '../arm/json';
import type { StoredResource } from '../arm/resource';

const reference = z.looseObject({ id: z.string().startsWith('/') });

const ipConfiguration = z.looseObject({
  name: z.string().min(1),
  properties: z.looseObject({
    primary: z.boolean().optional(),
    subnet: reference,
    loadBalancerBackendAddressPools: z.array(reference).default([]),
    publicIPAddressConfiguration: z.undefined({ error: 'public addresses of instances are not emulated' }).optional(),
  }),
});

const networkInterfaceConfiguration = z.looseObject({
  name: z.string().min(1),
  properties: z.looseObject({
    primary: z.boolean().optional(),
    networkSecurityGroup: reference.optional(),
    ipConfigurations: z.array(ipConfiguration).min(1),
  }),
});

const dataDisk = z.looseObject({
  lun: z.int().min(0),
  diskSizeGB: z.int().min(1).max(32_767).optional(),
  createOption: z.string(),
});

const virtualMachineProfile = z.strictObject({
  osProfile: z.looseObject({
    computerNamePrefix: z.string().min(1).max(58),
    adminUsername: z.string().min(1).max(64),
    linuxConfiguration: z
      .looseObject({
        disablePasswordAuthentication: z.boolean().default(false),
        ssh: z.looseObject({ publicKeys: z.array(z.looseObject({ keyData: z.string().min(1) })).default([]) }).optional(),
      })
      .optional(),
    windowsConfiguration: z.undefined({ error: 'Windows is not emulated' }).optional(),
  }),
  storageProfile: z.looseObject({
    imageReference: z.looseObject({ publisher: z.string(), offer: z.string(), sku: z.string(), version: z.string() }),
    osDisk: z.looseObject({}).optional(),
    dataDisks: z.array(dataDisk).default([]),
  }),
  networkProfile: z.looseObject({ networkInterfaceConfigurations: z.array(networkInterfaceConfiguration).min(1) }),
  hardwareProfile: z.looseObject({}).optional(),
  securityProfile: z.looseObject({}).optional(),
  diagnosticsProfile: z.looseObject({}).optional(),
  priority: z.literal('Regular').optional(),
  licenseType: z.string().optional(),
  scheduledEventsProfile: z.looseObject({}).optional(),
  timeCreated: z.string().optional(),
});

const SCALE_IN_RULES = ['Default', 'NewestVM', 'OldestVM'] as const;

const scaleSetProperties = z.strictObject({
  orchestrationMode: z.literal('Uniform', { error: 'only Uniform is emulated' }).default('Uniform'),
  upgradePolicy: z.looseObject({ mode: z.literal('Manual', { error: 'only Manual is emulated' }) }),
  virtualMachineProfile,
  overprovision: z.boolean().optional(),
  singlePlacementGroup: z.boolean().optional(),
  platformFaultDomainCount: z.int().min(1).max(5).optional(),
  zoneBalance: z.boolean().optional(),
  doNotRunExtensionsOnOverprovisionedVMs: z.boolean().optional(),
  scaleInPolicy: z.looseObject({ rules: z.array(z.enum(SCALE_IN_RULES)).default(['Default']) }).optional(),
  automaticRepairsPolicy: z
    .looseObject({ enabled: z.literal(false, { error: 'automatic repairs are not emulated' }) })
    .optional(),
  provisioningState: z.string().optional(),
  timeCreated: z.string().optional(),
  uniqueId: z.string().optional(),
});

const sku = z.looseObject({ name: z.string().min(1), tier: z.string().optional(), capacity: z.int().min(0).max(1000) });

export type ScaleSetProperties = z.infer<typeof scaleSetProperties>;
export type NetworkInterfaceConfiguration = z.infer<typeof networkInterfaceConfiguration>;
export type ScaleInRule = (typeof SCALE_IN_RULES)[number];

/** A scale set read and checked for shape. */
export interface ScaleSetModel {
  readonly vmSize: string;
  readonly capacity: number;
  readonly properties: ScaleSetProperties;
}

/** A refusal as the compute service words it. */
export const invalidParameter = (target: string, message: string): ArmError =>
  new ArmError(400, 'InvalidParameter', message, { target });

function parseOrRefuse<Schema extends z.ZodType>(schema: Schema, value: unknown, prefix: string): z.infer<Schema> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  const path = [prefix, ...(issue?.path ?? [])].join('.');
  if (issue?.code === 'unrecognized_keys') {
    throw invalidParameter(
      path,
      `Could not find member '${issue.keys[0] ?? ''}' on '${path}', or the emulator does not support it.`,
    );
  }
  const isMissing = issue?.code === 'invalid_type' && issue.input === undefined;
  if (isMissing) throw invalidParameter(path, `Required parameter '${path}' is missing (null).`);
  throw invalidParameter(path, `The value of parameter '${path}' is invalid: ${issue?.message ?? ''}.`);
}

/** Reads a body or a stored scale set. Throws `InvalidParameter` (400) naming the parameter. */
export function readScaleSet(body: { sku?: JsonObject; properties: JsonObject }): ScaleSetModel {
  const { name, capacity } = parseOrRefuse(sku, body.sku, 'sku');
  return { vmSize: name, capacity, properties: parseOrRefuse(scaleSetProperties, body.properties, 'properties') };
}

/** Takes what is never shown out of the properties. */
export function splitSecrets(properties: JsonObject): { shown: JsonObject; customData: string | undefined } {
  const shown = structuredClone(properties);
  const osProfile = asJsonObject(asJsonObject(shown['virtualMachineProfile'])['osProfile']);
  const customData = osProfile['customData'];
  delete osProfile['customData'];
  delete osProfile['adminPassword'];
  return { shown, customData: typeof customData === 'string' ? customData : undefined };
}

/** What is kept of a scale set beside its body. */
export interface ScaleSetHidden extends JsonObject {
  readonly nextInstanceId?: number;
  readonly customData?: string;
}

export const hiddenOf = (resource: StoredResource): ScaleSetHidden => resource.hidden;
