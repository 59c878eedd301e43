import { createHash } from 'node:crypto';
import { isObject, type JsonValue } from '../json-value';
import {
  ANY_NUMBER,
  define,
  integer,
  list,
  text,
  wrongArgument,
  type FunctionCall,
  type FunctionTable,
} from './template-function';

/** How a value reads when it becomes part of a text: .NET's spelling of booleans, JSON for the rest. */
export function asText(value: JsonValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value === null ? '' : JSON.stringify(value);
}

function formatInteger(value: JsonValue, specifier: string, call: FunctionCall): string {
  const [, letter = '', digits = ''] = /^([dDxXnN])(\d*)$/.exec(specifier) ?? [];
  if (typeof value !== 'number' || letter === '') throw wrongArgument(call, `the format '${specifier}' is not valid`);
  const width = digits === '' ? 0 : Number(digits);
  if (letter === 'x') return value.toString(16).padStart(width, '0');
  if (letter === 'X') return value.toString(16).toUpperCase().padStart(width, '0');
  if (letter.toLowerCase() === 'n') {
    const places = digits === '' ? 2 : width;
    return value.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });
  }
  return (value < 0 ? '-' : '') + String(Math.abs(value)).padStart(width, '0');
}

/** .NET composite formatting: `{index[,width][:format]}`, braces doubled to stand for themselves. */
function format(pattern: string, values: readonly JsonValue[], call: FunctionCall): string {
  return pattern.replace(
    /\{\{|\}\}|\{(\d+)(?:,(-?\d+))?(?::([^}]*))?\}|[{}]/g,
    (found: string, index?: string, width?: string, specifier?: string) => {
      if (found === '{{') return '{';
      if (found === '}}') return '}';
      if (index === undefined) throw wrongArgument(call, `the format string '${pattern}' is not valid`);
      const value = values[Number(index)];
      if (value === undefined)
        throw wrongArgument(call, `the format string '${pattern}' asks for argument '${index}', which is not given`);
      const shown = specifier === undefined ? asText(value) : formatInteger(value, specifier, call);
      if (width === undefined) return shown;
      return Number(width) < 0 ? shown.padEnd(-Number(width)) : shown.padStart(Number(width));
    },
  );
}

const escapeForPattern = (plain: string): string => plain.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function split(values: readonly JsonValue[], call: FunctionCall): JsonValue {
  const [input, separator] = values;
  const separators = Array.isArray(separator) ? separator.map((one) => text(one, call)) : [text(separator, call)];
  return text(input, call).split(new RegExp(separators.map(escapeForPattern).join('|'), 'u'));
}

function substring(values: readonly JsonValue[], call: FunctionCall): JsonValue {
  const input = text(values[0], call);
  const start = integer(values[1], call);
  const length = values[2] === undefined ? input.length - start : integer(values[2], call);
  if (start < 0 || length < 0 || start + length > input.length) {
    throw wrongArgument(call, 'the index and length parameters must refer to a location within the string');
  }
  return input.slice(start, start + length);
}

function base64Decode(value: JsonValue | undefined, call: FunctionCall): string {
  const input = text(value, call);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(input) || input.length % 4 !== 0)
    throw wrongArgument(call, 'the value is not a valid base64 string');
  return Buffer.from(input, 'base64').toString('utf8');
}

/** 13 characters of a hash, in the alphabet Azure uses. The value differs from Azure's; its stability does not. */
function uniqueString(values: readonly JsonValue[], call: FunctionCall): string {
  const digest = createHash('sha256')
    .update(values.map((value) => text(value, call)).join('-'))
    .digest();
  return [...digest.subarray(0, 13)].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte % 32]).join('');
}

function guid(values: readonly JsonValue[], call: FunctionCall): string {
  const digest = createHash('sha1')
    .update(`guid/${values.map((value) => text(value, call)).join('-')}`)
    .digest();
  digest.writeUInt8(((digest[6] ?? 0) & 0x0f) | 0x50, 6);
  digest.writeUInt8(((digest[8] ?? 0) & 0x3f) | 0x80, 8);
  const hex = digest.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

function parseJson(value: JsonValue | undefined, call: FunctionCall): JsonValue {
  const input = text(value, call);
  try {
    return JSON.parse(input) as JsonValue;
  } catch {
    throw wrongArgument(call, 'the value is not valid JSON');
  }
}

const find = (last: boolean) => (values: readonly JsonValue[], call: FunctionCall) => {
  const container = values[0];
  if (Array.isArray(container)) {
    const same = (item: JsonValue): boolean => JSON.stringify(item) === JSON.stringify(values[1]);
    return last ? container.findLastIndex(same) : container.findIndex(same);
  }
  // Azure looks for text without regard to case here.
  const [input, wanted] = [text(container, call).toLowerCase(), text(values[1], call).toLowerCase()];
  return last ? input.lastIndexOf(wanted) : input.indexOf(wanted);
};

/** Functions over texts. */
export const stringFunctions: FunctionTable = {
  format: define([1, ANY_NUMBER], ([pattern, ...rest], call) => format(text(pattern, call), rest, call)),
  split: define(2, split),
  join: define(2, ([items, separator], call) => list(items, call).map(asText).join(text(separator, call))),
  replace: define(3, ([input, from, to], call) => text(input, call).replaceAll(text(from, call), () => text(to, call))),
  tolower: define(1, ([input], call) => text(input, call).toLowerCase()),
  toupper: define(1, ([input], call) => text(input, call).toUpperCase()),
  trim: define(1, ([input], call) => text(input, call).trim()),
  startswith: define(2, ([input, wanted], call) => text(input, call).toLowerCase().startsWith(text(wanted, call).toLowerCase())),
  endswith: define(2, ([input, wanted], call) => text(input, call).toLowerCase().endsWith(text(wanted, call).toLowerCase())),
  indexof: define(2, find(false)),
  lastindexof: define(2, find(true)),
  substring: define([2, 3], substring),
  padleft: define([2, 3], ([input, width, fill], call) =>
    asText(input ?? '').padStart(integer(width, call), fill === undefined ? ' ' : text(fill, call)),
  ),
  base64: define(1, ([input], call) => Buffer.from(text(input, call), 'utf8').toString('base64')),
  base64tostring: define(1, ([input], call) => base64Decode(input, call)),
  base64tojson: define(1, ([input], call) => parseJson(base64Decode(input, call), call)),
  string: define(1, ([value = null]) => (typeof value === 'object' ? JSON.stringify(value) : asText(value))),
  json: define(1, ([value], call) => parseJson(value, call)),
  uniquestring: define([1, ANY_NUMBER], uniqueString),
  guid: define([1, ANY_NUMBER], guid),
  uricomponent: define(1, ([input], call) => encodeURIComponent(text(input, call))),
  uricomponenttostring: define(1, ([input], call) => decodeURIComponent(text(input, call))),
  uri: define(2, ([base, relative], call) => {
    try {
      return new URL(text(relative, call), text(base, call)).toString();
    } catch {
      throw wrongArgument(call, 'the base is not an absolute URI');
    }
  }),
  concat: define([1, ANY_NUMBER], (values, call) => {
    if (values.every((value) => Array.isArray(value))) return values.flat(1);
    if (values.some((value) => Array.isArray(value) || isObject(value))) {
      throw wrongArgument(call, 'the arguments must be all arrays, or all of simple types');
    }
    return values.map(asText).join('');
  }),
};
