import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient, type Prisma } from './generated/client';

/** A Prisma client and the pool of connections under it; hot paths may use the pool with plain SQL. */
export interface Database {
  prisma: PrismaClient;
  pool: pg.Pool;
  close(): Promise<void>;
}

/** What a transaction offers: every query of the client, nothing that opens another transaction. */
export type Transaction = Prisma.TransactionClient;

/** Whether the database answers. */
export async function answers({ pool }: Pick<Database, 'pool'>): Promise<boolean> {
  return (await pool.query('SELECT 1')).rowCount === 1;
}

/** Opens the database. `maxConnections` bounds the pool; waiting longer than 10 s for a connection is an error. */
export function openDatabase(options: { url: string; maxConnections: number }): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    // For a connection whose other end is gone, where the server's own limit is never heard of.
    query_timeout: 35_000,
    // Moments without a zone, as raw statements of the client have them, are UTC wherever the server stands.
    options: '-c TimeZone=UTC',
  });
  // Without a listener an idle connection that the server closes would end the process.
  pool.on('error', () => undefined);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  return {
    prisma,
    pool,
    close: async () => {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
