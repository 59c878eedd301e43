import { answers, type Database } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';

/** What `GET /healthz` answers. Throws `ServiceUnavailable` (503) while the database does not answer: without it nothing can be done. */
export async function examineHealth(database: Database): Promise<{ status: 'ok' }> {
  try {
    await answers(database);
  } catch (cause) {
    throw new AppError('ServiceUnavailable', 'The database does not answer.', { cause, retryAfterSeconds: 2 });
  }
  return { status: 'ok' };
}
