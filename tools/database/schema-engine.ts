/**
 * Prisma's own schema engine in its WebAssembly form: the same diff and the same bookkeeping as `prisma migrate`, without
 * the native engine that the Prisma CLI downloads. The folder layout is the CLI's, so `prisma migrate deploy` does the same.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum, type SqlDriverAdapter } from '@prisma/driver-adapter-utils';
import { PrismaPg } from '@prisma/adapter-pg';
import type { MigrationList, SchemaEngine, SchemasContainer } from '@prisma/schema-engine-wasm';
import * as engineBindings from '@prisma/schema-engine-wasm/schema_engine_bg';

const FILTERS = { externalTables: [], externalEnums: [] };

const schemaFolder = (root: string) => join(root, 'prisma/schema');
const migrationsFolder = (root: string) => join(root, 'prisma/migrations');

function readSchema(root: string): SchemasContainer {
  const folder = schemaFolder(root);
  const names = readdirSync(folder).filter((name) => name.endsWith('.prisma'));
  return { files: names.sort().map((name) => ({ path: join(folder, name), content: readFileSync(join(folder, name), 'utf8') })) };
}

function readMigrations(root: string): MigrationList {
  const baseDir = migrationsFolder(root);
  const folders = readdirSync(baseDir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return {
    baseDir,
    lockfile: { path: './migration_lock.toml', content: readFileSync(join(baseDir, 'migration_lock.toml'), 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: folders
      .map((entry) => entry.name)
      .sort()
      .map((name) => ({
        path: name,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok', value: readFileSync(join(baseDir, name, 'migration.sql'), 'utf8') },
        },
      })),
  };
}

/** The engine bounds its wait for the migration lock with a timer of 10 s that it never clears; a process need not wait for it. */
function timersThatLetTheProcessEnd(bindings: WebAssembly.ModuleImports): WebAssembly.ModuleImports {
  const names = Object.keys(bindings).filter((name) => name.startsWith('__wbg_setTimeout_'));
  const start = (callback: () => void, delay: number) => setTimeout(callback, delay >>> 0).unref();
  return Object.fromEntries(names.map((name) => [name, start]));
}

/** The package is made for bundlers, which link the module themselves; here it is linked by hand, once a process. */
function linkEngine(): void {
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: (message: string) => console.error(message) } });
  const wasmPath = join(dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm')), 'schema_engine_bg.wasm');
  const bindings = engineBindings as unknown as WebAssembly.ModuleImports & {
    __wbg_set_wasm(exports: WebAssembly.Exports): void;
  };
  const imports = { './schema_engine_bg.js': { ...bindings, ...timersThatLetTheProcessEnd(bindings) } };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasmPath)), imports);
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports['__wbindgen_start'] as () => void)();
}

/** PostgreSQL's type number of the one-byte `"char"` of its catalogue tables, and that of `char[]`. */
const INTERNAL_CHAR_TYPE = 18;
const CHAR_ARRAY_TYPE = 1002;

type QueryCallback = (error: Error | null, result?: pg.QueryResult) => void;

/** Marks `"char"` columns, which the adapter has no reading for, as a type that it knows and the catalogue never uses. */
function markInternalChars(result: pg.QueryResult | undefined): void {
  for (const field of result?.fields ?? []) if (field.dataTypeID === INTERNAL_CHAR_TYPE) field.dataTypeID = CHAR_ARRAY_TYPE;
}

class CatalogueClient extends pg.Client {
  override query = ((...parameters: unknown[]) => {
    const callback = parameters.at(-1) as QueryCallback;
    if (typeof callback === 'function') {
      parameters[parameters.length - 1] = (error: Error | null, result?: pg.QueryResult) => {
        markInternalChars(result);
        callback(error, result);
      };
    }
    const answer = (pg.Client.prototype.query as (...all: unknown[]) => unknown).apply(this, parameters);
    if (!(answer instanceof Promise)) return answer;
    return answer.then((result: pg.QueryResult) => (markInternalChars(result), result));
  }) as pg.Client['query'];
}

/** Gives the marked columns the type that the engine expects of `"char"`: one character. */
function readInternalChars<Adapter extends SqlDriverAdapter>(adapter: Adapter): Adapter {
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query);
    const columnTypes = result.columnTypes.map((type) =>
      type === ColumnTypeEnum.CharacterArray ? ColumnTypeEnum.Character : type,
    );
    return { ...result, columnTypes };
  };
  return adapter;
}

class CatalogueAdapterFactory extends PrismaPg {
  /** What the engine opened; it frees its own memory and leaves the connections open. */
  readonly opened: SqlDriverAdapter[] = [];

  override connect = async (): Promise<Awaited<ReturnType<PrismaPg['connect']>>> =>
    this.remember(await PrismaPg.prototype.connect.call(this));
  override connectToShadowDb = async (): Promise<Awaited<ReturnType<PrismaPg['connectToShadowDb']>>> =>
    this.remember(await PrismaPg.prototype.connectToShadowDb.call(this));

  async closeAll(): Promise<void> {
    // Last opened first: a shadow database is dropped through the connection that made it.
    for (const adapter of this.opened.splice(0).reverse()) await adapter.dispose();
  }

  private remember<Adapter extends SqlDriverAdapter>(adapter: Adapter): Adapter {
    const dispose = adapter.dispose.bind(adapter);
    let disposed: Promise<void> | undefined;
    // The engine closes some of what it opened itself, and a pool cannot be closed twice.
    adapter.dispose = () => (disposed ??= dispose());
    // The adapter cuts a script at every semicolon, also inside comments and function bodies; PostgreSQL takes it whole.
    adapter.executeScript = async (script) => {
      await (adapter as unknown as { underlyingDriver(): pg.Pool }).underlyingDriver().query(script);
    };
    this.opened.push(adapter);
    return readInternalChars(adapter);
  }
}

let linked = false;

/** Runs `work` with an engine on `databaseUrl` and closes every connection that it made. */
async function withEngine<Result>(
  root: string,
  databaseUrl: string,
  work: (engine: SchemaEngine) => Promise<Result>,
): Promise<Result> {
  if (!linked) linkEngine();
  linked = true;
  const schema = readSchema(root);
  const factory = new CatalogueAdapterFactory({ connectionString: databaseUrl, Client: CatalogueClient });
  const datamodels = schema.files.map((file): [string, string] => [file.path, file.content]);
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(factory);
    const engine = await engineBindings.SchemaEngine.new({ datamodels }, () => undefined, adapter);
    try {
      // The engine is made by its static `new`, so the rule does not see a constructor call.

      return await work(engine);
    } finally {
      engine.free();
    }
  } finally {
    await factory.closeAll();
  }
}

/** Applies every migration that the database lacks. Gives the names applied now; safe to call again. */
export async function applyMigrations(root: string, databaseUrl: string): Promise<string[]> {
  return withEngine(root, databaseUrl, async (engine) => {
    const result = await engine.applyMigrations({ migrationsList: readMigrations(root), filters: FILTERS });
    return result.appliedMigrationNames;
  });
}

/**
 * The SQL that leads from the migrations to the schema files; empty when they agree. `databaseUrl` names a scratch server
 * on which a shadow database is made.
 */
export async function diffMigrationsToSchema(root: string, databaseUrl: string): Promise<string> {
  return withEngine(root, databaseUrl, async (engine) => {
    const result = await engine.diff({
      from: { tag: 'migrations', ...readMigrations(root) },
      to: { tag: 'schemaDatamodel', ...readSchema(root) },
      script: true,
      exitCode: null,
      filters: FILTERS,
    });
    const sql = result.stdout ?? '';
    return sql.includes('This is an empty migration') ? '' : sql;
  });
}
