import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

interface FormElement {
  name: string;
}
interface Form {
  parameters: { basics: FormElement[]; steps: { name: string; elements: FormElement[] }[]; outputs: Record<string, string> };
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8'));
const form = (read('createUiDefinition.json') as Form).parameters;
const template = read('mainTemplate.json') as { parameters: Record<string, unknown>; resources: unknown[] };

describe('the package of the managed application', () => {
  it('hands every answer of the form to a parameter of the template, and asks for every parameter', () => {
    expect(Object.keys(form.outputs).sort()).toEqual(Object.keys(template.parameters).sort());
  });

  it('refers only to fields that the form has', () => {
    const fields = [
      ...form.basics.map(({ name }) => `basics('${name}')`),
      ...form.steps.flatMap((step) => step.elements.map(({ name }) => `steps('${step.name}').${name}`)),
    ];
    const used = Object.values(form.outputs).flatMap((output) => output.match(/basics\('\w+'\)|steps\('\w+'\)\.\w+/g) ?? []);
    expect([...new Set(used)].sort()).toEqual(fields.sort());
  });

  it('deploys nothing: the service makes the cluster after the notification', () => {
    expect(template.resources).toEqual([]);
  });
});
