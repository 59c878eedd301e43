import { defineConfig } from 'prisma/config';

/** Where the Prisma CLI finds the schema (one file per domain) and the migrations. */
export default defineConfig({
  schema: 'prisma/schema',
  migrations: { path: 'prisma/migrations' },
});
