const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text that is HTML already; only `html` makes it. */
export class Html {
  constructor(readonly text: string) {}
}

export type Content = string | number | null | undefined | Html | readonly Content[];

function textOf(content: Content): string {
  if (content === null || content === undefined) return '';
  if (content instanceof Html) return content.text;
  if (typeof content === 'object') return content.map(textOf).join('');
  return String(content).replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** HTML around contents, each of which is escaped unless it is HTML itself. Attributes have to be in quotes. */
export const html = (strings: TemplateStringsArray, ...contents: Content[]): Html =>
  new Html(strings.map((string, index) => string + textOf(contents[index])).join(''));
