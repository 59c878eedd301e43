import { z } from 'zod';
import { AppError } from '@managed-consul/errors';

const DEFAULT_PAGE_SIZE = 50;

/** Which list a token belongs to, and the last row of the page before. */
interface TokenContent {
  list: string;
  position: Record<string, string>;
}

const tokenContentSchema = z.strictObject({ list: z.string(), position: z.record(z.string(), z.string()) });

const invalid = (): AppError =>
  new AppError('InvalidPageToken', 'This page token is not from this list. Send nextPageToken as you got it, or leave it out.', {
    target: 'pageToken',
  });

const encode = (content: TokenContent): string => Buffer.from(JSON.stringify(content)).toString('base64url');

function decode(token: string, list: string): Record<string, string> {
  try {
    const content = tokenContentSchema.parse(JSON.parse(Buffer.from(token, 'base64url').toString('utf8')));
    if (content.list === list) return content.position;
  } catch {
    // Falls through: whatever is wrong with it, it is not ours.
  }
  throw invalid();
}

/** One list that is read page by page: how a row's place is written into a token and read back. */
export interface PagedList<Row, Position> {
  name: string;
  write(row: Row): Record<string, string>;
  schema: z.ZodType<Position>;
}

export interface PageRequest<Position> {
  after: Position | undefined;
  /** Rows to read: one more than the page holds, to know whether there is a next one. */
  limit: number;
}

/** Reads the paging part of a query. Throws InvalidPageToken. */
export function readPageRequest<Row, Position>(
  list: PagedList<Row, Position>,
  query: { pageSize?: number | undefined; pageToken?: string | undefined },
): PageRequest<Position> {
  const limit = (query.pageSize ?? DEFAULT_PAGE_SIZE) + 1;
  if (query.pageToken === undefined) return { after: undefined, limit };
  const position = list.schema.safeParse(decode(query.pageToken, list.name));
  if (!position.success) throw invalid();
  return { after: position.data, limit };
}

/** Makes the answer of a list from the rows that `limit` gave. `address` is that of the request, for the link to the next page. */
export function pageOf<Row, Position, Shape>(
  list: PagedList<Row, Position>,
  rows: readonly Row[],
  { limit }: PageRequest<Position>,
  address: URL,
  show: (row: Row) => Shape,
): { value: Shape[]; nextPageToken: string | null; nextLink: string | null } {
  const page = rows.slice(0, limit - 1);
  const last = rows.length === limit ? page.at(-1) : undefined;
  if (last === undefined) return { value: page.map(show), nextPageToken: null, nextLink: null };
  const nextPageToken = encode({ list: list.name, position: list.write(last) });
  const next = new URL(address);
  next.searchParams.set('pageToken', nextPageToken);
  return { value: page.map(show), nextPageToken, nextLink: next.href };
}

/** Position of lists that are ordered by creation. */
export const creationPosition = z
  .strictObject({ createdAt: z.iso.datetime(), id: z.uuid() })
  .transform(({ createdAt, id }) => ({ createdAt: new Date(createdAt), id }));

export const writeCreation = (row: { createdAt: Date; id: string }) => ({ createdAt: row.createdAt.toISOString(), id: row.id });
