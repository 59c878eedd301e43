import { z } from 'zod';
import { SecretValue } from './secret-value';

/** One setting: an environment variable with its meaning, its bounds and, unless it must be given, its default. */
export interface Setting<Value> {
  readonly description: string;
  readonly schema: z.ZodType<Value, string>;
  /** As it would be written in the environment; undefined means that it must be given. */
  readonly default: string | undefined;
  readonly secret: boolean;
  /** Bounds in words, for the documentation. */
  readonly bounds: string;
}

export type SettingsDefinition = Record<string, Setting<unknown>>;

export type Settings<Definition extends SettingsDefinition> = {
  readonly [Name in keyof Definition]: Definition[Name] extends Setting<infer Value> ? Value : never;
};

interface Described {
  description: string;
  default?: string;
}

const build = <Value>(schema: z.ZodType<Value, string>, bounds: string, about: Described, secret = false): Setting<Value> => ({
  description: about.description,
  schema,
  default: about.default,
  secret,
  bounds,
});

/** Makers of settings, one a kind. All read a string from the environment and give a typed value. */
export const setting = {
  text: (about: Described): Setting<string> => build(z.string().min(1), 'text', about),
  /** May be left empty. */
  optionalText: (about: Described): Setting<string | undefined> =>
    build(
      z.string().transform((value) => (value === '' ? undefined : value)),
      'text, may be empty',
      { ...about, default: about.default ?? '' },
    ),
  secret: (about: Described): Setting<SecretValue> =>
    build(
      z
        .string()
        .min(1)
        .transform((value) => new SecretValue(value)),
      'text, kept out of logs',
      about,
      true,
    ),
  /** May be left empty. */
  optionalSecret: (about: Described): Setting<SecretValue | undefined> =>
    build(
      z.string().transform((value) => (value === '' ? undefined : new SecretValue(value))),
      'text, may be empty, kept out of logs',
      { ...about, default: about.default ?? '' },
      true,
    ),
  integer: (about: Described & { min: number; max: number }): Setting<number> =>
    build(
      z
        .string()
        .regex(/^-?\d+$/, 'must be a whole number')
        .transform(Number)
        .pipe(z.number().min(about.min).max(about.max)),
      `whole number, ${about.min} to ${about.max}`,
      about,
    ),
  url: (about: Described): Setting<string> => build(z.url(), 'URL', about),
  choice: <const Options extends readonly [string, ...string[]]>(
    about: Described & { options: Options },
  ): Setting<Options[number]> =>
    build(z.enum(about.options) as unknown as z.ZodType<Options[number], string>, `one of ${about.options.join(', ')}`, about),
  flag: (about: Described): Setting<boolean> =>
    build(
      z.enum(['true', 'false']).transform((value) => value === 'true') as unknown as z.ZodType<boolean, string>,
      'true or false',
      about,
    ),
};

/** Names every setting that is missing or out of bounds; never shows a value. */
export class ConfigurationError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigurationError';
    this.problems = problems;
  }
}

/** Marks a record as settings, so that its type stays exact. */
export const defineSettings = <const Definition extends SettingsDefinition>(definition: Definition): Definition => definition;

/** Reads every setting of `definition` from `environment` once. Throws `ConfigurationError` with all problems at once. */
export function loadSettings<const Definition extends SettingsDefinition>(
  definition: Definition,
  environment: Record<string, string | undefined> = process.env,
): Settings<Definition> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(definition)) {
    const raw = environment[name] ?? entry.default;
    if (raw === undefined) {
      problems.push(`${name} is not set: ${entry.description}`);
      continue;
    }
    const parsed = entry.schema.safeParse(raw);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${name} must be ${entry.bounds}: ${entry.description}`);
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return values as Settings<Definition>;
}
