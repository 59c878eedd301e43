import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HCS_PROVIDER_PATH, hcsOperations } from '@managed-consul/api-contract';
import { describe, expect, it } from 'vitest';

interface FormElement {
  name: string;
}
interface Form {
  parameters: { basics: FormElement[]; steps: { name: string; elements: FormElement[] }[]; outputs: Record<string, string> };
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8'));
const form = (read('createUiDefinition.json') as Form).parameters;
const template = read('mainTemplate.json') as {
  parameters: Record<string, { type: string; defaultValue?: string }>;
  variables: { actions: string[] };
  resources: { type: string }[];
};
/** What Azure and the publisher fill in. */
const OWN_PARAMETERS = ['frontDoorSecret', 'serviceUrl'];
/** What programs for the original service send beside what the form asks for. */
const PROGRAMS_PARAMETERS = ['federationToken', 'sourceChannel', 'auditLoggingEnabled', 'auditLogStorageContainerURL'];

describe('the package of the managed application', () => {
  it('hands every answer of the form to a parameter of the template, and asks for every parameter', () => {
    expect([...Object.keys(form.outputs), ...OWN_PARAMETERS, ...PROGRAMS_PARAMETERS].sort()).toEqual(
      Object.keys(template.parameters).sort(),
    );
  });

  it('leaves to a default what the form does not ask for', () => {
    for (const name of [...OWN_PARAMETERS, ...PROGRAMS_PARAMETERS]) {
      expect([name, template.parameters[name]?.defaultValue]).toEqual([name, expect.any(String)]);
    }
  });

  it('refers only to fields that the form has', () => {
    const fields = [
      ...form.basics.map(({ name }) => `basics('${name}')`),
      ...form.steps.flatMap((step) => step.elements.map(({ name }) => `steps('${step.name}').${name}`)),
    ];
    const used = Object.values(form.outputs).flatMap((output) => output.match(/basics\('\w+'\)|steps\('\w+'\)\.\w+/g) ?? []);
    expect([...new Set(used)].sort()).toEqual(fields.sort());
  });

  it('deploys the way for requests and nothing else: the service makes the cluster after the notification', () => {
    expect(template.resources.map(({ type }) => type)).toEqual(['Microsoft.CustomProviders/resourceProviders']);
  });

  it('forwards every action of the HCS API', () => {
    const actions = Object.values(hcsOperations)
      .filter(({ method, path }) => method === 'POST' && path.startsWith(HCS_PROVIDER_PATH))
      .map(({ path }) => path.slice(HCS_PROVIDER_PATH.length + 1));
    expect([...template.variables.actions].sort()).toEqual(actions.sort());
  });

  it('draws a secret for each deployment that Azure shows nobody', () => {
    expect(template.parameters['frontDoorSecret']).toMatchObject({
      type: 'securestring',
      defaultValue: '[concat(newGuid(), newGuid())]',
    });
  });
});
