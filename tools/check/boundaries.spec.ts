import { describe, expect, it } from 'vitest';
import { findBoundaryProblems, type Project } from './boundaries';
import { BOUNDARY_RULES } from './boundary-rules';
import { findCycles } from './cycles';
import { findBadNames } from './names';
import type { SourceFile } from './source-files';

const projects: Project[] = [
  { name: 'api', folder: 'apps/api', tags: ['layer:app', 'app:api'] },
  { name: 'clusters', folder: 'libs/clusters', tags: ['layer:domain', 'lib:clusters'] },
  { name: 'azure', folder: 'libs/azure', tags: ['layer:adapter', 'lib:azure'] },
  { name: 'testing', folder: 'libs/testing', tags: ['layer:testing', 'lib:testing'] },
  { name: 'database', folder: 'libs/database', tags: ['layer:foundation', 'lib:database'] },
];

const file = (path: string, ...targets: string[]): SourceFile => ({
  path,
  imports: targets.map((target) => ({ specifier: `@managed-consul/${target}`, line: 1, target })),
});

describe('module boundaries', () => {
  it('let an app use a domain library and a domain library the database', () => {
    const files = [
      file('apps/api/src/main.ts', 'libs/clusters/src/index.ts'),
      file('libs/clusters/src/a.ts', 'libs/database/src/index.ts'),
    ];
    expect(findBoundaryProblems(projects, files)).toEqual([]);
  });

  it('refuse the API any adapter, directly', () => {
    const problems = findBoundaryProblems(projects, [file('apps/api/src/main.ts', 'libs/azure/src/index.ts')]);
    expect(problems).toContainEqual(expect.stringContaining('apps/api/src/main.ts:1 imports azure'));
  });

  it('refuse the API Azure through another library as well', () => {
    const files = [
      file('apps/api/src/main.ts', 'libs/clusters/src/index.ts'),
      file('libs/clusters/src/a.ts', 'libs/azure/src/index.ts'),
    ];
    expect(findBoundaryProblems(projects, files)).toContain('api reaches azure through api → clusters → azure');
  });

  it('refuse an adapter the database', () => {
    const problems = findBoundaryProblems(projects, [file('libs/azure/src/a.ts', 'libs/database/src/index.ts')]);
    expect(problems).toEqual(['azure reaches database through azure → database']);
  });

  it('let only tests use the testing library', () => {
    const target = 'libs/testing/src/index.ts';
    expect(findBoundaryProblems(projects, [file('libs/clusters/src/a.spec.ts', target)])).toEqual([]);
    expect(findBoundaryProblems(projects, [file('libs/clusters/src/a.ts', target)])).toHaveLength(1);
  });

  it('allow nobody everything', () => {
    for (const rule of BOUNDARY_RULES) expect(rule.mayImport, rule.tag).not.toContain('*');
  });
});

describe('cycles', () => {
  it('are found over several files and not where there are none', () => {
    expect(findCycles([file('a.ts', 'b.ts'), file('b.ts', 'c.ts'), file('c.ts', 'a.ts'), file('d.ts', 'a.ts')])).toHaveLength(1);
    expect(findCycles([file('a.ts', 'b.ts', 'c.ts'), file('b.ts', 'c.ts'), file('c.ts')])).toEqual([]);
  });
});

describe('names', () => {
  it('that say nothing are refused, and TypeScript files are in kebab-case', () => {
    expect(findBadNames(['libs/x/src/string-utils.ts', 'libs/common', 'libs/x/src/aThing.ts'])).toHaveLength(3);
    expect(findBadNames(['libs/x/src/create-cluster.workflow.ts', 'libs/x/README.md'])).toEqual([]);
  });
});
