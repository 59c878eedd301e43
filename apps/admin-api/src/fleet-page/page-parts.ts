import { minutes, hours, type Milliseconds } from '@managed-consul/config';
import { html, type Content, type Html } from './html';

/** A column of a table, and what each row has in it. */
export type Column<Row> = readonly [heading: string, cell: (row: Row) => Content];

/** A table with a heading for every cell, also where it is shown as a list on a narrow screen; a sentence when there is no row. */
export function table<Row>(caption: string, rows: readonly Row[], columns: readonly Column<Row>[], none = 'None.'): Html {
  if (rows.length === 0) return html`<p>${none}</p>`;
  // Roles, because a table that is laid out as blocks is none to screen readers otherwise.
  const cells = (row: Row) =>
    columns.map(([heading, cell], index) =>
      index === 0
        ? html`<th scope="row" role="rowheader" data-label="${heading}"><span>${cell(row)}</span></th>`
        : html`<td role="cell" data-label="${heading}"><span>${cell(row)}</span></td>`,
    );
  return html`<table role="table">
    <caption class="hidden">
      ${caption}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(([heading]) => html`<th scope="col" role="columnheader">${heading}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) =>
          html`<tr role="row">
            ${cells(row)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

export const section = (id: string, heading: string, ...content: Content[]): Html =>
  html`<section aria-labelledby="${id}">
    <h2 id="${id}">${heading}</h2>
    ${content}
  </section>`;

/** To the minute, in UTC. */
export const when = (moment: Date | null): Content =>
  moment && html`<time datetime="${moment.toISOString()}">${moment.toISOString().slice(0, 16).replace('T', ' ')} UTC</time>`;

/** A length of time in its largest unit. */
export function lengthOf(time: Milliseconds): string {
  if (time < minutes(1)) return `${Math.max(0, Math.floor(time / 1000))} s`;
  if (time < hours(1)) return `${Math.floor(time / minutes(1))} min`;
  if (time < hours(48)) return `${Math.floor(time / hours(1))} h`;
  return `${Math.floor(time / hours(24))} days`;
}

/** The whole document. */
export const document = (title: string, body: Content): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/fleet/style.css" />
      </head>
      <body>
        ${body}
      </body>
    </html> `.text;
