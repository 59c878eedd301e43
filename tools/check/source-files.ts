/** The project's own TypeScript files and what each imports, read without type checking (fast). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

const FOLDERS = ['apps', 'libs', 'tools', 'infra', 'prisma', 'test'];
const SKIPPED = new Set(['node_modules', 'dist', 'generated']);

export interface Import {
  /** As written: `../x` or `@managed-consul/errors`. */
  specifier: string;
  line: number;
  /** Path of the imported file relative to the root; undefined for packages from npm. */
  target: string | undefined;
}

export interface SourceFile {
  /** Relative to the root, with `/`. */
  path: string;
  imports: Import[];
}

/** Every file and folder below the project's folders, relative to the root. */
export function listPaths(root: string): string[] {
  const found: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (SKIPPED.has(entry.name)) continue;
      const path = `${folder}/${entry.name}`;
      found.push(path);
      if (entry.isDirectory()) walk(path);
    }
  };
  for (const folder of FOLDERS) if (existsSync(join(root, folder))) walk(folder);
  return found;
}

/** Reads the alias table of tsconfig: `@managed-consul/errors` → `libs/errors/src/index.ts`. */
function readAliases(root: string): Map<string, string> {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), (path) => readFileSync(path, 'utf8')) as {
    config: { compilerOptions: { paths: Record<string, [string]> } };
  };
  return new Map(
    Object.entries(config.compilerOptions.paths).map(([name, [file]]) => [name, relative(root, resolve(root, file))]),
  );
}

function resolveImport(root: string, from: string, specifier: string, aliases: Map<string, string>): string | undefined {
  const alias = aliases.get(specifier);
  if (alias !== undefined) return alias;
  if (!specifier.startsWith('.')) return undefined;
  const base = resolve(root, dirname(from), specifier);
  const candidates = [base, `${base}.ts`, `${base}.tsx`, join(base, 'index.ts')];
  const found = candidates.find((path) => /\.[a-z]+$/.test(path) && existsSync(path));
  return relative(root, found ?? base);
}

/** All TypeScript files with their imports. */
export function readSourceFiles(root: string): SourceFile[] {
  const aliases = readAliases(root);
  const paths = listPaths(root).filter((path) => /\.tsx?$/.test(path));
  return paths.map((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    const imports = ts.preProcessFile(text, true, true).importedFiles.map((file) => ({
      specifier: file.fileName,
      line: text.slice(0, file.pos).split('\n').length,
      target: resolveImport(root, path, file.fileName, aliases),
    }));
    return { path, imports };
  });
}
