import { describe, expect, it } from 'vitest';
import { EXPRESSION_LIMIT } from './parser';
import { TemplateError } from './template-error';
import { evaluate } from './template.builders';
import type { JsonValue } from './json-value';

const GROUP = '/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/hello';

/** Expressions beside the values that the ARM reference gives for them. */
const VALUES: [string, JsonValue][] = [
  ["[concat('a', 1, true())]", 'a1True'],
  ['[concat(createArray(1), createArray(2, 3))]', [1, 2, 3]],
  ["[CONCAT('a', ToUpper('b'))]", 'aB'],
  ["[format('{0}-{1:D3} {{x}} {2,4}|{3,-3}|', 'a', 7, 'r', 'l')]", 'a-007 {x}    r|l  |'],
  ["[resourceId('Microsoft.Network/virtualNetworks', 'v')]", `${GROUP}/providers/Microsoft.Network/virtualNetworks/v`],
  [
    "[resourceId('other', 'Microsoft.Network/virtualNetworks/subnets', 'v', 's')]",
    `${GROUP.replace('hello', 'other')}/providers/Microsoft.Network/virtualNetworks/v/subnets/s`,
  ],
  [
    "[resourceId('33333333-3333-3333-3333-333333333333', 'g', 'A.B/c', 'd')]",
    '/subscriptions/33333333-3333-3333-3333-333333333333/resourceGroups/g/providers/A.B/c/d',
  ],
  [
    "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')]",
    '/subscriptions/11111111-1111-1111-1111-111111111111/providers/Microsoft.Authorization/roleDefinitions/r',
  ],
  ["[extensionResourceId('/a/b', 'Microsoft.Authorization/locks', 'l')]", '/a/b/providers/Microsoft.Authorization/locks/l'],
  ['[resourceGroup().location]', 'westeurope'],
  ["[resourceGroup()['LOCATION']]", 'westeurope'],
  ['[subscription().subscriptionId]', '11111111-1111-1111-1111-111111111111'],
  ['[deployment().name]', 'test'],
  ['[environment().suffixes.storage]', 'core.windows.net'],
  ["[if(equals(1, 1), 'yes', parameters('doesNotExist'))]", 'yes'],
  ["[if(false(), variables('doesNotExist'), 'no')]", 'no'],
  ['[and(true(), or(false(), true()), not(false()))]', true],
  ["[equals(createObject('a', 1, 'b', 2), createObject('b', 2, 'a', 1))]", true],
  ["[length('abc')]", 3],
  ['[length(createArray(1, 2))]', 2],
  ["[union(createObject('a', createObject('x', 1)), createObject('a', createObject('y', 2)))]", { a: { x: 1, y: 2 } }],
  ['[union(createArray(1, 2), createArray(2, 3))]', [1, 2, 3]],
  ['[intersection(createArray(1, 2), createArray(2, 3))]', [2]],
  ["[first('one')]", 'o'],
  ['[last(createArray(1, 2))]', 2],
  ["[split('a,b;c', createArray(',', ';'))]", ['a', 'b', 'c']],
  ["[join(createArray('a', 'b'), '-')]", 'a-b'],
  ["[replace('a.b.c', '.', '$&')]", 'a$&b$&c'],
  ["[toLower('ABC')]", 'abc'],
  ["[base64('héllo')]", 'aMOpbGxv'],
  ["[base64ToString(base64('héllo'))]", 'héllo'],
  ["[string(createObject('a', createArray(1, null())))]", '{"a":[1,null]}'],
  ['[json(\'{"a": 1}\').a]', 1],
  ["[int('42')]", 42],
  ['[add(1, mul(2, 3))]', 7],
  ['[sub(1, 3)]', -2],
  ['[div(7, 2)]', 3],
  ['[mod(7, 4)]', 3],
  ["[greater('b', 'a')]", true],
  ['[lessOrEquals(2, 1)]', false],
  ["[contains('abc', 'b')]", true],
  ["[contains(createObject('Key', 1), 'key')]", true],
  ["[contains(createArray('a'), 'A')]", false],
  ["[empty('')]", true],
  ['[range(3, 2)]', [3, 4]],
  ["[take('abc', 2)]", 'ab'],
  ['[skip(createArray(1, 2, 3), 1)]', [2, 3]],
  ["[substring('abcdef', 1, 3)]", 'bcd'],
  ["[padLeft(7, 3, '0')]", '007'],
  ["[indexOf('abcABC', 'C')]", 2],
  ["[coalesce(null(), 'x')]", 'x'],
  ["[tryGet(createObject('a', createArray(5)), 'a', 0)]", 5],
  ["[tryGet(createObject(), 'a')]", null],
  [
    "[items(createObject('b', 2, 'a', 1))]",
    [
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ],
  ],
  ["[dateTimeAdd('2026-01-31T00:00:00Z', 'P1DT1H')]", '2026-02-01T01:00:00Z'],
  ["['it''s']", "it's"],
  ['[[literal]', '[literal]'],
  ['[not closed', '[not closed'],
  ['plain', 'plain'],
  ["[ concat( 'a' ,\n 'b' ) ]", 'ab'],
];

/** Expressions that are refused, beside what the refusal says. */
const REFUSED: [string, RegExp][] = [
  ["[noSuchFunction('a')]", /The template function 'noSuchFunction' is not valid\./],
  ["[toString('a')]", /The template function 'toString' is not valid\./],
  ["[concat('a']", /expected token 'RightParenthesis' and actual 'EndOfData'/],
  ["[concat('a',)]", /expected token 'Identifier' and actual 'RightParenthesis'/],
  ["[concat('a')]]", /expected token 'EndOfData' and actual 'RightSquareBracket'/],
  ["[concat('a]", /string literal that is not terminated/],
  ['[concat("a")]', /unexpected character '"'/],
  ['[]', /expected token 'Identifier' and actual 'EndOfData'/],
  ["[parameters('missing')]", /The template parameter 'missing' is not found/],
  ["[variables('missing')]", /The template variable 'missing' is not found/],
  ["[variables('result')]", /The template variable 'result' refers to itself/],
  ["[createObject('a', 1).b]", /property 'b' doesn't exist, available properties are 'a'/],
  ['[createArray(1)[1]]', /array index '1' is out of bounds/],
  ["[toLower('a').length]", /property 'length' can't be evaluated, the value has type 'String'/],
  ['[toLower(1)]', /'toLower': expected an argument of type 'String' and got 'Integer'/],
  ['[toLower()]', /'toLower': function requires 1 argument\(s\) while 0 were provided/],
  ["[if(true(), 'a')]", /'if': function requires 3 argument/],
  ["[if('yes', 1, 2)]", /'if': expected an argument of type 'Boolean' and got 'String'/],
  ["[resourceId('Microsoft.Network/virtualNetworks/subnets', 'v')]", /requires '2' resource name argument/],
  ["[resourceId('a', 'b')]", /the fully qualified resource type, like 'Microsoft\.Network\/virtualNetworks', is missing/],
  ["[int('x')]", /'int': the value cannot be converted to an integer/],
  ["[json('{')]", /'json': the value is not valid JSON/],
  ['[div(1, 0)]', /divide by zero/],
  ["[substring('ab', 1, 5)]", /must refer to a location within the string/],
  ["[reference('x')]", /The template function 'reference' is not expected at this location/],
  ["[listKeys('x', '2020-01-01')]", /The template function 'listKeys' is not expected at this location/],
  ['[copyIndex()]', /The template function 'copyIndex' is not expected at this location/],
  ['[utcNow()]', /The template function 'utcNow' is not expected at this location/],
  ["[format('{1}', 'a')]", /asks for argument '1', which is not given/],
  ["[base64ToString('?')]", /not a valid base64 string/],
];

describe('template expressions', () => {
  it.each(VALUES)('evaluate %s as Azure documents it', (expression, value) => {
    expect(evaluate(expression)).toEqual(value);
  });

  it.each(REFUSED)('refuse %s as an invalid template', (expression, message) => {
    const attempt = () => evaluate(expression);
    expect(attempt).toThrow(TemplateError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'InvalidTemplate' }));
  });

  it('are refused when longer than 24,576 characters, and accepted at the limit', () => {
    const ofLength = (length: number) => `['${'x'.repeat(length - 4)}']`;
    expect(evaluate(ofLength(EXPRESSION_LIMIT))).toHaveLength(EXPRESSION_LIMIT - 4);
    expect(() => evaluate(ofLength(EXPRESSION_LIMIT + 1))).toThrow(/length limit exceeded\. Limit: '24576' and actual: '24577'/);
  });

  it('that nest too deep are refused instead of exhausting the stack', () => {
    expect(() => evaluate(`[${'not('.repeat(2000)}true()${')'.repeat(2000)}]`)).toThrow(/nests deeper/);
  });

  it('give the same hash for the same input, and another for another', () => {
    const seed = "uniqueString('a', 'b')";
    expect(evaluate(`[${seed}]`)).toMatch(/^[a-z2-7]{13}$/);
    expect(evaluate(`[equals(${seed}, ${seed})]`)).toBe(true);
    expect(evaluate(`[equals(${seed}, uniqueString('a', 'c'))]`)).toBe(false);
    expect(evaluate("[guid('a')]")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('evaluate member names and nested values, and unroll property loops', () => {
    const value = {
      "[concat('k', 'ey')]": ['[add(1, 1)]'],
      copy: [{ name: 'disks', count: 2, input: { lun: "[copyIndex('disks', 1)]" } }],
    };
    expect(evaluate(value)).toEqual({ key: [2], disks: [{ lun: 1 }, { lun: 2 }] });
  });

  it('read variables made by a loop', () => {
    const variables = { copy: [{ name: 'names', count: 2, input: "[concat('n', copyIndex('names'))]" }] };
    expect(evaluate("[variables('names')]", { variables })).toEqual(['n0', 'n1']);
  });
});
