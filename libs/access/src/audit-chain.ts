import { createHash } from 'node:crypto';
import type { Database } from '@managed-consul/database';

/** Where a chain ended when somebody looked. Kept outside the database, it proves later that nothing up to it is gone. */
export interface AuditHead {
  chain: number;
  position: string;
  hash: string;
}

/** One thing that is not as it was written. `eventId` is null when only the chain knows of an event. */
export interface AuditFault {
  chain: number | null;
  position: string | null;
  eventId: string | null;
  /** What was found, as a sentence for an operator. */
  message: string;
}

export interface AuditVerdict {
  events: number;
  faults: AuditFault[];
  heads: AuditHead[];
}

/** As the migration that binds the chains made it; another number means that a head was removed or put in. */
const CHAINS = 16;
const PAGE = 2_000;
const BEGINNING = '0'.repeat(64);

/** Every column of an event as text, in the order in which they are hashed. */
const HASHED = `e.id::text, extract(epoch FROM e.at)::text, e.actor_kind::text, e.actor_tenant_id, e.actor_id, e.action,
  e.installation_id::text, e.cluster_id::text, e.operation_id::text, e.reason, e.ticket, e.detail::text, e.before_hash,
  e.after_hash, e.correlation_id`;

interface LinkRow {
  position: string;
  eventId: string;
  previousHash: string;
  hash: string;
  /** Null when the event is gone. */
  content: (string | null)[] | null;
}

const LINKS = `SELECT l.position::text, l.event_id::text AS "eventId", l.previous_hash AS "previousHash", l.hash,
    CASE WHEN e.id IS NULL THEN NULL ELSE jsonb_build_array(${HASHED}) END AS content
  FROM audit_links l LEFT JOIN audit_events e ON e.id = l.event_id
  WHERE l.chain = $1 AND l.position > $2::bigint ORDER BY l.position LIMIT ${PAGE}`;

/**
 * The hash of a link: SHA-256 of a JSON array, written with a space behind each comma, of the chain, the position in it, the hash
 * before it and then every column of the event as text. PostgreSQL makes the same one when the event is written.
 */
export function hashOfLink(place: readonly (string | null)[], content: readonly (string | null)[]): string {
  const text = [...place, ...content].map((value) => JSON.stringify(value)).join(', ');
  return createHash('sha256').update(`[${text}]`).digest('hex');
}

type Query = <Row>(text: string, values?: unknown[]) => Promise<Row[]>;

/** What is wrong with a link when the chain before it ends with `last`. */
function faultOf(chain: number, last: AuditHead, row: LinkRow): string | undefined {
  if (BigInt(row.position) !== BigInt(last.position) + 1n) return 'Links before this one are gone.';
  if (row.content === null) return 'The event of this link is gone.';
  if (row.previousHash !== last.hash) return 'The link does not follow the one before it.';
  const hash = hashOfLink([String(chain), row.position, row.previousHash], row.content);
  return hash === row.hash ? undefined : 'The event or its link was altered.';
}

async function verifyChain(query: Query, head: AuditHead, earlier: AuditHead | undefined, verdict: AuditVerdict): Promise<void> {
  const { chain } = head;
  const report = (message: string, row?: LinkRow) =>
    verdict.faults.push({ chain, position: row?.position ?? null, eventId: row?.eventId ?? null, message });
  let last: AuditHead = { chain, position: '0', hash: BEGINNING };
  let met = earlier === undefined || (earlier.position === '0' && earlier.hash === BEGINNING);
  for (;;) {
    const rows = await query<LinkRow>(LINKS, [chain, last.position]);
    for (const row of rows) {
      const fault = faultOf(chain, last, row);
      if (fault) report(fault, row);
      if (row.content !== null) verdict.events += 1;
      if (row.position === earlier?.position && row.hash === earlier.hash) met = true;
      last = { chain, position: row.position, hash: row.hash };
    }
    if (rows.length < PAGE) break;
  }
  if (last.position !== head.position || last.hash !== head.hash) {
    report(`The chain ends at ${last.position}, but its head says ${head.position}.`);
  }
  if (!met) report(`The chain does not hold the link ${String(earlier?.position)} that it had when its heads were kept.`);
}

const STRAY = `SELECT chain FROM (SELECT chain FROM audit_links UNION SELECT chain FROM audit_heads) AS named
  WHERE chain < 0 OR chain >= $1 ORDER BY chain`;

const UNLINKED = `SELECT e.id::text AS "eventId" FROM audit_events e
  WHERE NOT EXISTS (SELECT FROM audit_links l WHERE l.event_id = e.id) ORDER BY e.id LIMIT 100`;

async function verify(query: Query, earlier: readonly AuditHead[]): Promise<AuditVerdict> {
  const heads = await query<AuditHead>('SELECT chain, position::text, hash FROM audit_heads ORDER BY chain');
  const verdict: AuditVerdict = { events: 0, faults: [], heads };
  const missing = Array.from({ length: CHAINS }, (_, chain) => chain).filter(
    (chain) => !heads.some((one) => one.chain === chain),
  );
  for (const chain of missing) {
    verdict.faults.push({ chain, position: null, eventId: null, message: 'The head of this chain is gone.' });
  }
  for (const { chain } of await query<{ chain: number }>(STRAY, [CHAINS])) {
    verdict.faults.push({ chain, position: null, eventId: null, message: 'There is no such chain.' });
  }
  for (const head of heads) {
    await verifyChain(
      query,
      head,
      earlier.find(({ chain }) => chain === head.chain),
      verdict,
    );
  }
  for (const { eventId } of await query<{ eventId: string }>(UNLINKED)) {
    const message = 'The event is in no chain: it was put in, or its link was removed.';
    verdict.faults.push({ chain: null, position: null, eventId, message });
  }
  return verdict;
}

/**
 * Reads every chain from its beginning, in one snapshot of the database and with bounded memory, and tells what was altered, put
 * in or removed. `earlier` are heads of a verification before, kept where who can write to this database cannot: only they can
 * tell that a chain was cut and its head moved back, or that everything was hashed anew.
 */
export async function verifyAuditChains({ pool }: Database, earlier: readonly AuditHead[] = []): Promise<AuditVerdict> {
  const client = await pool.connect();
  const query: Query = async <Row>(text: string, values: unknown[] = []) => (await client.query(text, values)).rows as Row[];
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    return await verify(query, earlier);
  } finally {
    // Ends a transaction that failed as well as one that only read.
    await client.query('ROLLBACK').catch(() => undefined);
    client.release();
  }
}
