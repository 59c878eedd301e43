import { describe, expect, it } from 'vitest';
import type { RuntimeLookup } from './evaluation-scope';
import { expandTemplate } from './expanded-template';
import type { JsonObject, JsonValue } from './json-value';
import { aDeployment, aTemplate, expand } from './template.builders';

const GROUP = '/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/hello';

const network = (name: string, more: JsonObject = {}): JsonObject => ({
  type: 'Microsoft.Network/virtualNetworks',
  apiVersion: '2024-01-01',
  name,
  ...more,
});

const idOf = (name: string): string => `${GROUP}/providers/Microsoft.Network/virtualNetworks/${name}`;
const keyOf = (name: string): string => idOf(name).toLowerCase();
const nothingToRead = (lookup: RuntimeLookup): Promise<JsonValue> => Promise.reject(new Error(`read ${lookup.resource}`));

const waitsFor = (sections: JsonObject, name: string): string[] =>
  [...(expand(sections).dependencies.get(keyOf(name)) ?? [])].map((key) => key.split('/').at(-1) ?? '').sort();

describe('parameters', () => {
  const declared = {
    name: { type: 'string', minLength: 2, maxLength: 3 },
    size: { type: 'int', defaultValue: 1, allowedValues: [1, 3] },
  };

  it('take the given value, else the default, without regard to case', () => {
    expect(expand({ parameters: declared }, { NAME: 'abc' }).parameters).toEqual({
      name: { type: 'String', value: 'abc' },
      size: { type: 'Int', value: 1 },
    });
  });

  it('never show a secure value again', () => {
    const parameters = { key: { type: 'secureString' }, settings: { type: 'SECUREOBJECT', defaultValue: { a: 1 } } };
    const shown = expand({ parameters }, { key: 'hunter2' }).parameters;
    expect(shown).toEqual({ key: { type: 'SecureString' }, settings: { type: 'SecureObject' } });
  });

  it('allow utcNow, newGuid and other parameters in a default value', () => {
    const parameters = {
      when: { type: 'string', defaultValue: "[utcNow('yyyy-MM-dd')]" },
      id: { type: 'string', defaultValue: '[newGuid()]' },
      both: { type: 'string', defaultValue: "[concat(parameters('when'), '!')]" },
    };
    const shown = expand({ parameters }).parameters;
    expect(shown['both']).toEqual({ type: 'String', value: '2026-11-22!' });
    expect(shown['id']).toEqual({ type: 'String', value: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });

  it.each<[JsonObject, RegExp]>([
    [{}, /The value for the template parameter 'name' is not provided/],
    [
      { name: 'abc', other: 1 },
      /parameters 'other' in the parameters file are not valid.*supported parameters for this template are 'name, size'/,
    ],
    [{ name: 5 }, /Expected 'String, Uri'\. Actual 'Integer'/],
    [{ name: 'a' }, /greater than or equal to '2'/],
    [{ name: 'abcd' }, /less than or equal to '3'/],
    [{ name: 'abc', size: 2 }, /The value '2' is not part of the allowed value\(s\): '1,3'/],
  ])('refuse %j', (given, message) => {
    expect(() => expand({ parameters: declared }, given)).toThrow(message);
  });

  it('keep a refused secure value out of the message', () => {
    const parameters = { key: { type: 'securestring', allowedValues: ['x'] } };
    expect(() => expand({ parameters }, { key: 'hunter2' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  it('refuse a default that leads back to itself', () => {
    const parameters = {
      a: { type: 'string', defaultValue: "[parameters('b')]" },
      b: { type: 'string', defaultValue: "[parameters('a')]" },
    };
    expect(() => expand({ parameters })).toThrow(/refers to itself/);
  });
});

describe('resources', () => {
  it('get full ids from type and name, children and extensions included', () => {
    const { resources } = expand({
      resources: [
        network('v', { resources: [{ type: 'subnets', apiVersion: '2024-01-01', name: 's' }] }),
        {
          type: 'Microsoft.Authorization/locks',
          apiVersion: '2020-05-01',
          name: 'l',
          scope: 'Microsoft.Network/virtualNetworks/v',
        },
        {
          type: 'Microsoft.Network/virtualNetworks/providers/locks',
          apiVersion: '2020-05-01',
          name: 'v/Microsoft.Authorization/m',
        },
      ],
    });
    expect(resources.map(({ id }) => id)).toEqual([
      idOf('v'),
      `${idOf('v')}/subnets/s`,
      `${idOf('v')}/providers/Microsoft.Authorization/locks/l`,
      `${idOf('v')}/providers/Microsoft.Authorization/locks/m`,
    ]);
  });

  it('are made once per loop iteration, with the loop index in name and body', async () => {
    const template = expand({
      resources: [
        network("[concat('v', copyIndex(1))]", { copy: { name: 'loop', count: 2 }, tags: { index: '[string(copyIndex())]' } }),
      ],
    });
    expect(template.resources.map(({ name }) => name)).toEqual(['v1', 'v2']);
    const bodies = await Promise.all(template.resources.map((resource) => template.bodyOf(resource, nothingToRead)));
    expect(bodies).toEqual([{ tags: { index: '0' } }, { tags: { index: '1' } }]);
  });

  it('with a false condition are marked and drop out of what others wait for', () => {
    const sections = { resources: [network('a', { condition: '[equals(1, 2)]' }), network('b', { dependsOn: [idOf('a')] })] };
    expect(expand(sections).resources.map(({ condition }) => condition)).toEqual([false, true]);
    expect(waitsFor(sections, 'b')).toEqual([]);
  });

  it('wait for what dependsOn names: by id, by type and name, by bare name, by loop', () => {
    const sections = {
      resources: [
        network('a'),
        network('b'),
        network('c'),
        network("[concat('loop', copyIndex())]", { copy: { name: 'many', count: 2 } }),
        network('z', {
          dependsOn: [
            "[resourceId('Microsoft.Network/virtualNetworks', 'a')]",
            'Microsoft.Network/virtualNetworks/b',
            'C',
            'many',
          ],
        }),
      ],
    };
    expect(waitsFor(sections, 'z')).toEqual(['a', 'b', 'c', 'loop0', 'loop1']);
  });

  it('wait for what they read with reference and list functions, in every branch that is not decided yet', () => {
    const sections = {
      resources: [
        network('a'),
        network('b'),
        network('c'),
        network('z', {
          properties: {
            one: `[concat(reference('a').x, listKeys(resourceId('Microsoft.Network/virtualNetworks', 'b'), '2024-01-01').key)]`,
            two: `[if(equals(reference('a').x, 1), reference('${idOf('c')}', '2024-01-01').y, 'none')]`,
          },
        }),
      ],
    };
    expect(waitsFor(sections, 'z')).toEqual(['a', 'b', 'c']);
  });

  it('of a serial loop wait for the batch before', () => {
    const copy = { name: 'loop', count: 4, mode: 'serial', batchSize: 2 };
    const sections = { resources: [network("[concat('v', copyIndex())]", { copy })] };
    expect(waitsFor(sections, 'v1')).toEqual([]);
    expect(waitsFor(sections, 'v3')).toEqual(['v0', 'v1']);
  });

  it('of a template with symbolic names wait for and read each other by them', async () => {
    const template = expand({
      languageVersion: '2.0',
      resources: {
        first: network('a'),
        second: network('z', { dependsOn: ['first'], properties: { x: "[reference('first').space]" } }),
      },
    });
    expect([...(template.dependencies.get(keyOf('z')) ?? [])]).toEqual([keyOf('a')]);
    const read = (_: RuntimeLookup, target?: { id: string }) => Promise.resolve({ space: target?.id ?? 'unknown' });
    const [, second] = template.resources;
    expect(second && (await template.bodyOf(second, read))).toEqual({ properties: { x: idOf('a') } });
  });

  it.each<[string, JsonObject, RegExp]>([
    [
      'a cycle',
      { resources: [network('a', { dependsOn: ['b'] }), network('b', { tags: { x: "[reference('a').y]" } })] },
      /Circular dependency/,
    ],
    ['an unknown dependency', { resources: [network('a', { dependsOn: ['nope'] })] }, /'nope' is not defined in the template/],
    ['a resource defined twice', { resources: [network('a'), network('A')] }, /defined multiple times/],
    ['wrong segments', { resources: [network('a/b')] }, /incorrect segment lengths/],
    ['a missing apiVersion', { resources: [{ type: 'A.B/c', name: 'd' }] }, /no valid property 'apiVersion'/],
    ['reference in a name', { resources: [network("[reference('x').y]")] }, /not expected at this location/],
    [
      'too many iterations',
      { resources: [network('[string(copyIndex())]', { copy: { name: 'l', count: 801 } })] },
      /cannot exceed '800'/,
    ],
    [
      'a mistake deep in a body',
      { resources: [network('a', { properties: { x: ["[nope('a')]"] } })] },
      /function 'nope' is not valid/,
    ],
    ['an unknown section', { resource: [] }, /Could not find member 'resource'/],
    ['resources of a wrong kind', { resources: 'none' }, /'resources' not found/],
    [
      'too many outputs',
      { outputs: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`o${i}`, {}])) },
      /Limit: '64' and actual: '65'/,
    ],
  ])('are refused for %s before anything is made', (_, sections, message) => {
    expect(() => expand(sections)).toThrow(message);
  });

  it('are refused in a template without a schema', () => {
    const template = { ...aTemplate({}), $schema: 'https://example.com/x.json' };
    expect(() => expandTemplate({ template, parameters: {}, facts: aDeployment(), now: new Date(0) })).toThrow(
      /property '\$schema'/,
    );
  });
});

describe('a body', () => {
  it('is evaluated with values read from other resources, each read once', async () => {
    const template = expand({
      resources: [network('a', { properties: { x: "[reference('/b', '1').p]", y: "[reference('/b', '1').q]" } })],
    });
    const asked: string[] = [];
    const read = ({ resource }: RuntimeLookup) => {
      asked.push(resource);
      return Promise.resolve({ p: 1, q: [2] });
    };
    const [resource] = template.resources;
    expect(resource && (await template.bodyOf(resource, read))).toEqual({ properties: { x: 1, y: [2] } });
    expect(asked).toEqual(['/b']);
  });

  it('of a nested deployment keeps an inner-scope template as written and evaluates an outer-scope one', async () => {
    const nested = (scope: string) => ({
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2024-01-01',
      name: scope,
      resourceGroup: 'elsewhere',
      properties: {
        mode: 'Incremental',
        expressionEvaluationOptions: { scope },
        parameters: { p: { value: "[concat('a', 'b')]" } },
        template: aTemplate({ variables: { v: "[concat('c', 'd')]" } }),
      },
    });
    const template = expand({ resources: [nested('inner'), nested('outer')] });
    expect(template.resources[0]?.id).toContain('/resourceGroups/elsewhere/providers/Microsoft.Resources/deployments/inner');
    const [inner, outer] = await Promise.all(template.resources.map((resource) => template.bodyOf(resource, nothingToRead)));
    const variablesOf = (body?: JsonObject) => ((body?.['properties'] as JsonObject)['template'] as JsonObject)['variables'];
    expect(variablesOf(inner)).toEqual({ v: "[concat('c', 'd')]" });
    expect(variablesOf(outer)).toEqual({ v: 'cd' });
    expect(inner?.['properties']).toMatchObject({ parameters: { p: { value: 'ab' } } });
    expect(inner).not.toHaveProperty('resourceGroup');
  });
});

describe('outputs', () => {
  it('show values with ARM type names, leave out false conditions and secure values, and unroll loops', async () => {
    const outputs = {
      text: { type: 'string', value: "[reference('/a', '1').x]" },
      none: { type: 'string', condition: '[equals(1, 2)]', value: "[reference('/missing', '1').x]" },
      secret: { type: 'securestring', value: 'hunter2' },
      many: { type: 'array', copy: { count: 2, input: '[copyIndex()]' } },
    };
    expect(await expand({ outputs }).outputs(() => Promise.resolve({ x: 'y' }))).toEqual({
      text: { type: 'String', value: 'y' },
      secret: { type: 'SecureString' },
      many: { type: 'Array', value: [0, 1] },
    });
  });

  it('of another type than declared are refused', () => {
    expect(() => expand({ outputs: { a: { type: 'int', value: 'x' } } })).toThrow(
      expect.objectContaining({
        code: 'DeploymentOutputEvaluationFailed',
        message: expect.stringContaining("Expected 'Integer'. Actual 'String'"),
      }),
    );
  });
});
