import { z } from 'zod';

/** Identifiers, times and paging: what every other schema is made of. */
export const identifierSchema = z.uuid().meta({ description: 'Identifier that the service gave.' });

export const timestampSchema = z.iso.datetime().meta({ description: 'Moment in UTC, ISO 8601.' });

export const tagsSchema = z
  .record(z.string(), z.string())
  .meta({ description: 'At most 15 tags; names up to 512 characters without <>%&\\?/, values up to 256.' });

/** Query of every list. */
export const pageQuerySchema = z.strictObject({
  pageSize: z.coerce
    .number<number | string>()
    .int()
    .min(1)
    .max(100)
    .optional()
    .meta({ description: 'Items a page, 1 to 100; 50 unless said.' }),
  pageToken: z.string().max(1000).optional().meta({ description: 'nextPageToken of the page before; opaque.' }),
});

/** Answer of every list: a page, and how to get the next one (null on the last page). */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    value: z.array(item),
    nextPageToken: z.string().nullable(),
    nextLink: z.url().nullable().meta({ description: 'Address of the next page.' }),
  });

export const emptyObjectSchema = z.strictObject({});
