import type { DeploymentFacts } from './evaluation-scope';
import { expandTemplate, type ExpandedTemplate } from './expanded-template';
import type { JsonObject, JsonValue } from './json-value';

/** For tests: a deployment in a group `hello` of a made-up subscription. */
export const aDeployment = (): DeploymentFacts => ({
  subscriptionId: '11111111-1111-1111-1111-111111111111',
  tenantId: '22222222-2222-2222-2222-222222222222',
  subscription: {
    id: '/subscriptions/11111111-1111-1111-1111-111111111111',
    subscriptionId: '11111111-1111-1111-1111-111111111111',
  },
  resourceGroupName: 'hello',
  resourceGroup: {
    id: '/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/hello',
    name: 'hello',
    location: 'westeurope',
  },
  deployment: { name: 'test' },
  environment: { name: 'AzureCloud', suffixes: { storage: 'core.windows.net' } },
});

/** For tests: a template of the given sections. */
export const aTemplate = (sections: JsonObject): JsonObject => ({
  $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
  contentVersion: '1.0.0.0',
  resources: [],
  ...sections,
});

/** For tests: the template made ready, with parameters given by plain values. */
export const expand = (sections: JsonObject, parameters: JsonObject = {}): ExpandedTemplate =>
  expandTemplate({
    template: aTemplate(sections),
    parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, { value }])),
    facts: aDeployment(),
    now: new Date('2026-11-22T10:20:30Z'),
  });

/** For tests: the value of one expression, as an output would show it. */
export function evaluate(expression: JsonValue, sections: JsonObject = {}, parameters: JsonObject = {}): JsonValue {
  const variables = { ...(sections['variables'] as JsonObject | undefined), result: expression };
  const template = expand({ ...sections, variables, resources: [probe()] }, parameters);
  const [resource] = template.resources;
  return resource ? resource.scope.variable('result') : null;
}

const probe = (): JsonObject => ({ type: 'Test.Probe/probes', apiVersion: '2020-01-01', name: 'probe' });
