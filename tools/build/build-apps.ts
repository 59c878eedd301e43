/** Bundles each app into one file, `dist/apps/<app>/main.mjs`, in about a second. */
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';

/** Runs on the machines of a cluster, which have Node.js but none of our packages: one file that needs nothing else. */
const SELF_CONTAINED_APPS = new Set(['server-agent']);

/** What an image's own Node.js may be, for the agent; the other apps run on the pinned one. */
const AGENT_TARGET = 'node20';
const CONTROL_PLANE_TARGET = 'node24';

/** A bundled CommonJS package calls `require`, which an ES module lacks. */
const REQUIRE_FOR_BUNDLED_PACKAGES =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

export interface BuiltApp {
  name: string;
  file: string;
}

const entryOf = (root: string, app: string): string | undefined =>
  [join(root, 'apps', app, 'src/main.ts'), join(root, 'apps', app, 'main.ts')].find((path) => existsSync(path));

function optionsFor(root: string, entry: string, file: string, selfContained: boolean): BuildOptions & { write: false } {
  const shared = {
    entryPoints: [entry],
    outfile: file,
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    tsconfig: join(root, 'tsconfig.base.json'),
    logLevel: 'warning',
    legalComments: 'none',
    // A workflow's steps are known in the database by the names of their functions, which bundling may change.
    keepNames: true,
  } as const satisfies BuildOptions;
  if (!selfContained) return { ...shared, target: CONTROL_PLANE_TARGET, packages: 'external', sourcemap: true };
  return { ...shared, target: AGENT_TARGET, minify: true, banner: { js: REQUIRE_FOR_BUNDLED_PACKAGES } };
}

/** Replaces each file whole, so that two builds at the same time, or a start during one, never meet half a bundle. */
async function buildApp(options: BuildOptions & { write: false }): Promise<void> {
  const { outputFiles } = await build(options);
  for (const { path, contents } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, contents);
    renameSync(unfinished, path);
  }
}

/** Bundles every app under `root`/apps that has a `main.ts` into `output`; throws with esbuild's own message. */
export async function buildApps(root: string, output = join(root, 'dist/apps')): Promise<BuiltApp[]> {
  const apps = readdirSync(join(root, 'apps')).flatMap((name) => {
    const entry = entryOf(root, name);
    return entry === undefined ? [] : [{ name, entry, file: join(output, name, 'main.mjs') }];
  });
  await Promise.all(apps.map(({ name, entry, file }) => buildApp(optionsFor(root, entry, file, SELF_CONTAINED_APPS.has(name)))));
  return apps.map(({ name, file }) => ({ name, file }));
}

/** Bundles one program that is to run on machines, as the agent is, and gives its file. */
export async function buildForMachines(root: string, entry: string, name: string): Promise<string> {
  const file = join(root, 'dist', name, 'main.mjs');
  await buildApp(optionsFor(root, join(root, entry), file, true));
  return file;
}
