import { minutes } from '@managed-consul/config';
import type { Database } from '@managed-consul/database';

/** A connection inside a transaction. */
export interface Connection {
  query<Row extends object>(statement: string, values?: unknown[]): Promise<{ rows: Row[] }>;
}

/** One process at a time changes which event tells of which rows: two would plan the same usage twice. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtext('usage-emission'))`;

/** Runs `work` in one transaction while no other process plans. */
export async function whilePlanningAlone<Result>(
  { pool }: Database,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(LOCK);
    const result = await work({
      // The client's own patience is for requests.
      query: (text, values) => client.query({ text, ...(values ? { values } : {}), ...{ query_timeout: minutes(5) } }),
    });
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}
