/** Held while the ledger is written; two processes that close hours do so one after the other. */
export const LOCK_LEDGER = `SELECT pg_advisory_xact_lock(hashtext('usage-ledger'))`;

/** A closed hour of many clusters takes longer than a request may. */
export const PATIENCE = `SET LOCAL statement_timeout = '300s'`;

/** The first hour that is not closed: null before the first cluster was ready. */
export const NEXT_HOUR = `SELECT coalesce((SELECT max(hour) + interval '1 hour' FROM usage_hours),
  (SELECT date_trunc('hour', min(starts_at), 'UTC') FROM usage_periods)) AS hour`;

/** Who writes the rows of an installation whose application is deleted. */
export const BY_REMOVAL = 'removal';
