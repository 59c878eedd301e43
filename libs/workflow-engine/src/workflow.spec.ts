import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '@managed-consul/config';
import { action, condition, defineWorkflow, defineWorkflows, done, forEachServer, waitFor, type StepContext } from './index';

type Services = { azure: { find(name: string): Promise<string | undefined> }; consul: string };
type Step = StepContext<Services>;

async function startServer({ azure, item }: Step) {
  const found = await azure.find(item);
  return found ? done({ url: found }) : done({ url: 'new' });
}

async function serverIsUp({ outputOf, findOutputOf }: StepContext<{ consul: string }>) {
  const url: string = outputOf(startServer).url;
  const other: { url: string } | undefined = findOutputOf(startServer, 'other');
  return url === 'new' && !other ? waitFor('The server starts', seconds(1)) : done();
}

const servers = async ({ consul }: Step) => [consul];

describe('a workflow definition', () => {
  it('takes the names of its steps from their functions', () => {
    const workflow = defineWorkflow<Services>({
      operation: 'start',
      pageOperatorAfter: minutes(1),
      steps: [
        action(startServer),
        forEachServer(servers, [condition(serverIsUp, { within: minutes(1), orFail: 'It did not start.' })]),
      ],
    });
    expect(workflow.steps.map((entry) => (entry.kind === 'for-each' ? entry.plan.name : entry.name))).toEqual([
      'startServer',
      'servers',
    ]);
  });

  it('refuses a step without a name, a step named twice, and two workflows of one kind', () => {
    const define = (steps: Parameters<typeof defineWorkflow<Services>>[0]['steps']) =>
      defineWorkflow<Services>({ operation: 'start', pageOperatorAfter: minutes(1), steps });
    expect(() => define([action(async () => done())])).toThrow('without a name');
    expect(() => define([action(startServer), forEachServer(servers, [action(startServer)])])).toThrow('startServer twice');
    expect(() => define([])).toThrow('no step');
    expect(() => defineWorkflows([define([action(startServer)]), define([action(startServer)])])).toThrow('Two workflows');
  });
});
