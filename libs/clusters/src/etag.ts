import { AppError } from '@managed-consul/errors';

/**
 * The entity tag of a record: its revision, in the form of a strong validator (RFC 9110, section 8.8.3), which is the only one
 * that If-Match takes. It stands for what people and operations decided; what is merely observed does not move it.
 */
export const etagOf = (record: { revision: number }): string => `"${record.revision}"`;

/** Refuses with PreconditionFailed when an If-Match header was sent and names neither the present revision nor `*`. */
export function requireMatch(ifMatch: string | undefined, record: { revision: number }): void {
  if (ifMatch === undefined) return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (tags.includes('*') || tags.includes(etagOf(record))) return;
  throw new AppError('PreconditionFailed', 'The cluster has changed since you read it. Read it again and repeat the change.', {
    target: 'If-Match',
  });
}
