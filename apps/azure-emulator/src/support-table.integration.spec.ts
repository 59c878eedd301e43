/** Holds the table in the README that says what the emulator supports to the tests that it names. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, startTestEmulator, type TestEmulator } from './emulator.builder';

const APP = join(import.meta.dirname, '..');
const ROOT = join(APP, '../..');

interface Row {
  readonly what: string;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

function readRows(): Row[] {
  const [, section = ''] = readFileSync(join(APP, 'README.md'), 'utf8').split('## Support, row by row');
  const lines = section.split('\n').filter((line) => /^\| /.test(line));
  return lines.slice(2).map((line) => {
    const [, what = '', heldBy = ''] = line.split('|').map((cell) => cell.trim());
    const tests = heldBy.split('<br>').flatMap((entry) => {
      const [, file, title] = /^`([^`]+)` (.+)$/.exec(entry.trim()) ?? [];
      return file !== undefined && title !== undefined ? [{ file, title }] : [];
    });
    return { what, tests };
  });
}

/** Whether the file has a test that begins with that title and always runs (tests of `az` say themselves where they cannot). */
function hasTest(file: string, title: string): boolean {
  const path = join(file.startsWith('test/') ? ROOT : join(APP, 'src'), file);
  if (!existsSync(path)) return false;
  const escaped = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`\\bit(\\.each(<[^(]*>)?\\([\\s\\S]*?\\))?\\(\\s*'${escaped}`).test(readFileSync(path, 'utf8'));
}

describe('the table of what is supported', () => {
  const rows = readRows();
  let emulator: TestEmulator;

  beforeAll(async () => {
    emulator = await startTestEmulator();
  });
  afterAll(() => emulator.dispose());

  it('is there', () => {
    expect(rows.length).toBeGreaterThan(20);
  });

  it.each(rows)('names tests that exist: $what', ({ tests }) => {
    expect(tests).not.toEqual([]);
    expect(tests.filter(({ file, title }) => !hasTest(file, title))).toEqual([]);
  });

  it('has a row for every resource type that the emulator has', async () => {
    const { body } = await emulator.call('GET', `/subscriptions/${sample.subscriptionId}/providers`);
    const providers = body['value'] as { namespace: string; resourceTypes: { resourceType: string }[] }[];
    const types = providers.flatMap(({ namespace, resourceTypes }) =>
      resourceTypes.map(({ resourceType }) => `${namespace}/${resourceType}`),
    );
    expect(types.length).toBeGreaterThan(20);
    const told = rows.map(({ what }) => what).join(' ');
    expect(types.filter((type) => !told.includes(`\`${type}\``))).toEqual([]);
  });
});
