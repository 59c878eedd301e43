/**
 * The one way to PostgreSQL: the generated Prisma client, the pool under it, and the types of every record. Owns no rule;
 * those are in the domain libraries.
 */
export { answers, openDatabase, type Database, type Transaction } from './client';
export { Prisma, PrismaClient } from './generated/client';
export * from './generated/enums';
export type * from './generated/client';
