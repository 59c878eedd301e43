import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stepsOf } from '@managed-consul/workflow-engine';
import { describe, expect, it } from 'vitest';
import { WORKFLOWS } from './workflow-host';

const pageOf = (operation: string): string =>
  readFileSync(join(import.meta.dirname, '../../../docs/operations', `${operation}.md`), 'utf8').replaceAll(/\s+/g, ' ');

describe.each(WORKFLOWS.map((workflow) => [workflow.operation, workflow] as const))('the page of %s', (operation, workflow) => {
  it('names every step in the order of the workflow', () => {
    const page = pageOf(operation);
    const places = stepsOf(workflow.steps).map(({ name }) => page.indexOf(`\`${name}\``));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((one, other) => one - other));
  });

  it('says what the customer reads when a wait has taken too long', () => {
    for (const { orFail } of stepsOf(workflow.steps)) if (orFail) expect(pageOf(operation)).toContain(orFail);
  });
});
