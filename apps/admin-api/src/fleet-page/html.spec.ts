import { expect, test } from 'vitest';
import { html } from './html';

test('what goes into a page is text, in elements and in attributes, unless it is HTML of our own', () => {
  const name = `"><script>alert('x')</script>&`;
  expect(html`<p title="${name}">${name}</p>`.text).toBe(
    '<p title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;">&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;</p>',
  );
  const items = ['<a>', 2, null, undefined].map((one) => html`<li>${one}</li>`);
  expect(
    html`<ul>
      ${items}
    </ul>`.text.replaceAll(/\s/g, ''),
  ).toBe('<ul><li>&lt;a&gt;</li><li>2</li><li></li><li></li></ul>');
});
