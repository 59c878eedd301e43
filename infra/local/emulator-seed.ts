/** The little Azure that the sample needs: a publisher with a managed application definition, two customers. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PriceDimensionInput } from '@managed-consul/usage';
import { PLAN_PRICES } from '../../prisma/seed/plans';
import type { SeedFile } from '../../apps/azure-emulator/src/seed/seed.schema';
import type { Identities, Principal } from './identities';
import type { LocalSettings } from './local-settings';

export const API_AUDIENCE = 'api://managed-consul';
export const ADMIN_AUDIENCE = 'api://managed-consul-admin';
export const GATEWAY_AUDIENCE = 'api://managed-consul-gateway';
export const SAMPLE_REGION = 'westeurope';
const REGION_NAMES = { westeurope: 'West Europe', northeurope: 'North Europe', eastus: 'East US' };
const REGIONS = Object.keys(REGION_NAMES);
/** The plan that Terraform orders when it is told none, and the API version with which it orders. */
const MARKETPLACE_DEFAULTS = { name: 'on-demand-v2', version: '0.0.76', ama_api_version: '2021-04-23' };
/** The Marketplace offer as existing clients name it. */
const MARKETPLACE_OFFER = { publisher: 'hashicorp-4665790', product: 'hcs-production' };
const OWNER_ROLE = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635';

/** What the offer's plans are billed by: what their prices name, each tier by itself. */
const meteredDimensions = (): string[] => [
  ...new Set(
    PLAN_PRICES.flatMap(({ dimensions }) => dimensions as PriceDimensionInput[]).flatMap(({ name, tiers }) =>
      tiers.map((_, index) => (tiers.length > 1 ? `${name}_${index + 1}` : name)),
    ),
  ),
];

/** The definition that customers buy. */
export const applicationDefinitionId = ({ publisher }: Identities): string =>
  `/subscriptions/${publisher.subscriptionId}/resourceGroups/${publisher.resourceGroup}/providers/Microsoft.Solutions/applicationDefinitions/managed-consul`;

function readPart(root: string, name: string): unknown {
  const path = join(root, 'infra/managed-application', name);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/** The template as its publisher packs it: with the address of the service that it belongs to. */
function packedTemplate({ root, ports }: LocalSettings): unknown {
  const template = readPart(root, 'mainTemplate.json') as { parameters: Record<string, object> } | undefined;
  if (!template) return undefined;
  const serviceUrl = { ...template.parameters['serviceUrl'], defaultValue: `http://127.0.0.1:${ports.api}` };
  return { ...template, parameters: { ...template.parameters, serviceUrl } };
}

function definitionProperties(settings: LocalSettings, identities: Identities): Record<string, unknown> {
  const notify = new URL(`http://127.0.0.1:${settings.ports.api}/notifications`);
  notify.searchParams.set('sig', identities.notificationSecret);
  return {
    displayName: 'Managed Consul',
    description: 'Consul, run for you, in your own subscription.',
    isEnabled: true,
    lockLevel: 'ReadOnly',
    authorizations: [{ principalId: identities.publisher.objectId, roleDefinitionId: OWNER_ROLE }],
    notificationPolicy: { notificationEndpoints: [{ uri: notify.href }] },
    // What customers may do in the managed resource group beside reading: ask the service, through its custom provider.
    lockingPolicy: { allowedActions: ['Microsoft.CustomProviders/resourceProviders/*/action'], allowedDataActions: [] },
    mainTemplate: packedTemplate(settings),
    createUiDefinition: readPart(settings.root, 'createUiDefinition.json'),
  };
}

const tenantOf = ({ tenantId }: Principal, displayName: string) => ({ tenantId, displayName });

const servicePrincipalOf = ({ objectId, clientId, tenantId, clientSecret }: Principal, displayName: string) => ({
  objectId,
  applicationId: clientId,
  tenantId,
  displayName,
  secret: clientSecret,
});

/** Customers own their subscription; the service may work in the group that they granted to it, tagged with who did so. */
function customerSeed(customer: Principal, publisher: Principal) {
  const group = { subscriptionId: customer.subscriptionId, location: SAMPLE_REGION };
  const granted = `${customer.resourceGroup}-granted`;
  return {
    resourceGroups: [
      { ...group, name: customer.resourceGroup },
      { ...group, name: granted, tags: { 'managed-consul-owner': customer.objectId } },
    ],
    roleAssignments: [
      { scope: `/subscriptions/${customer.subscriptionId}`, role: 'Owner', principalId: customer.objectId },
      {
        scope: `/subscriptions/${customer.subscriptionId}/resourceGroups/${granted}`,
        role: 'Owner',
        principalId: publisher.objectId,
      },
    ],
  };
}

/** Where clients of the original service look for versions, its default plan and its regions: their addresses cannot be changed. */
function publicDocuments({ ports }: LocalSettings): SeedFile['publicDocuments'] {
  const raw = 'raw.githubusercontent.com';
  const folder = '/hashicorp/cloud-hcs-meta/master';
  const versions = '/consul/2021-02-04/versions';
  return [
    { host: 'api.cloud.hashicorp.com', path: versions, source: `http://127.0.0.1:${ports.api}${versions}` },
    { host: raw, path: `${folder}/ama-plans/defaults.json`, content: MARKETPLACE_DEFAULTS },
    {
      host: raw,
      path: `${folder}/regions/regions.json`,
      content: { regions: Object.entries(REGION_NAMES).map(([short, friendly]) => ({ short, friendly })) },
    },
  ];
}

/** The seed of the emulator, as its file wants it. */
export function emulatorSeed(settings: LocalSettings, identities: Identities): SeedFile {
  const { publisher, customer, otherCustomer } = identities;
  const first = customerSeed(customer, publisher);
  const second = customerSeed(otherCustomer, publisher);
  const application = (applicationId: string, displayName: string, uri: string) => ({
    applicationId,
    displayName,
    tenantId: publisher.tenantId,
    identifierUris: [uri],
  });
  return {
    tenants: [tenantOf(publisher, 'Publisher'), tenantOf(customer, 'Customer'), tenantOf(otherCustomer, 'Other customer')],
    applications: [
      application(identities.apiApplicationId, 'Managed Consul API', API_AUDIENCE),
      application(identities.adminApplicationId, 'Managed Consul for its operators', ADMIN_AUDIENCE),
      application(identities.gatewayApplicationId, 'Managed Consul gateway', GATEWAY_AUDIENCE),
    ],
    servicePrincipals: [
      servicePrincipalOf(publisher, 'Managed Consul service'),
      servicePrincipalOf(customer, 'Customer'),
      servicePrincipalOf(otherCustomer, 'Other customer'),
    ],
    subscriptions: [
      { subscriptionId: publisher.subscriptionId, tenantId: publisher.tenantId, displayName: 'Publisher', regions: REGIONS },
      { subscriptionId: customer.subscriptionId, tenantId: customer.tenantId, displayName: 'Customer', regions: REGIONS },
      { subscriptionId: otherCustomer.subscriptionId, tenantId: otherCustomer.tenantId, displayName: 'Other', regions: REGIONS },
    ],
    resourceGroups: [
      { subscriptionId: publisher.subscriptionId, name: publisher.resourceGroup, location: SAMPLE_REGION },
      ...first.resourceGroups,
      ...second.resourceGroups,
    ],
    roleAssignments: [
      { scope: `/subscriptions/${publisher.subscriptionId}`, role: 'Owner', principalId: publisher.objectId },
      ...first.roleAssignments,
      ...second.roleAssignments,
    ],
    managedClusters: [
      {
        subscriptionId: customer.subscriptionId,
        resourceGroup: customer.resourceGroup,
        name: 'workloads',
        location: SAMPLE_REGION,
        properties: {
          fqdn: `workloads.hcp.${SAMPLE_REGION}.azmk8s.io`,
          dnsPrefix: 'workloads',
          kubernetesVersion: '1.30.0',
          nodeResourceGroup: `MC_${customer.resourceGroup}_workloads_${SAMPLE_REGION}`,
          networkProfile: { networkPlugin: 'azure', serviceCidr: '10.0.0.0/16' },
          agentPoolProfiles: [{ name: 'pool', count: 3, vmSize: 'Standard_D2s_v3', mode: 'System' }],
        },
      },
    ],
    publicDocuments: publicDocuments(settings),
    applicationDefinitions: [
      {
        id: applicationDefinitionId(identities),
        location: SAMPLE_REGION,
        properties: definitionProperties(settings, identities),
      },
      {
        id: `${applicationDefinitionId(identities)}-marketplace`,
        location: SAMPLE_REGION,
        plan: { ...MARKETPLACE_OFFER, name: MARKETPLACE_DEFAULTS.name, version: MARKETPLACE_DEFAULTS.version },
        dimensions: meteredDimensions(),
        properties: definitionProperties(settings, identities),
      },
    ],
  };
}
