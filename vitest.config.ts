import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const ROOT = import.meta.dirname;

interface PathsFile {
  compilerOptions: { paths: Record<string, [string]> };
}

/** `@managed-consul/*` as TypeScript resolves it, so that the list exists once. */
const { paths } = (JSON.parse(readFileSync(join(ROOT, 'tsconfig.base.json'), 'utf8')) as PathsFile).compilerOptions;
const alias = Object.fromEntries(Object.entries(paths).map(([name, [file]]) => [name, join(ROOT, file)]));

const NEVER = ['**/node_modules/**', '**/dist/**', '**/.hcs/**'];
/** Each of these starts what it needs of PostgreSQL, Redis, Azure and gateways for itself, and partly waits: two go side by side. */
const TRIALS = ['test/**/*.trials.spec.ts', 'test/azure-contract/**/*.spec.ts'];
const WHOLE_SYSTEM = ['test/{operations,resilience}/**/*.spec.ts'];

export default defineConfig({
  resolve: { alias },
  oxc: { decorator: { legacy: true } },
  test: {
    // Two cores: more workers only make the servers under test slower.
    maxWorkers: 2,
    // Importing everything anew for each file would take as long as the tests themselves.
    isolate: false,
    reporters: process.env['CI'] ? ['default'] : ['dot'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{apps,libs,tools,infra,prisma}/**/*.spec.ts'],
          exclude: [...NEVER, '**/*.integration.spec.ts'],
          testTimeout: 10_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['{apps,libs,tools,infra,prisma}/**/*.integration.spec.ts'],
          exclude: NEVER,
          globalSetup: ['tools/test-servers/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'trials',
          include: TRIALS,
          exclude: NEVER,
          testTimeout: 240_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: WHOLE_SYSTEM,
          exclude: [...NEVER, ...TRIALS],
          globalSetup: ['tools/test-servers/system-setup.ts'],
          // These share one running service.
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
