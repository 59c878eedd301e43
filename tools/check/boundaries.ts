import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { BOUNDARY_RULES, TESTS_MAY_ALSO_IMPORT, type BoundaryRule } from './boundary-rules';
import type { SourceFile } from './source-files';

export interface Project {
  name: string;
  /** Folder relative to the root. */
  folder: string;
  tags: readonly string[];
}

interface ProjectFile {
  name: string;
  tags?: string[];
}

/** Folders that may hold a project.json: each app and library, and the folders of tools and tests. */
function projectFolders(root: string): string[] {
  const inside = (folder: string) =>
    existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => `${folder}/${name}`) : [];
  return [...inside('apps'), ...inside('libs'), 'tools', 'infra', 'prisma', 'test'];
}

/** Reads every Nx project with its tags. */
export function readProjects(root: string): Project[] {
  return projectFolders(root).flatMap((folder) => {
    const path = join(root, folder, 'project.json');
    if (!existsSync(path)) return [];
    const file = JSON.parse(readFileSync(path, 'utf8')) as ProjectFile;
    return [{ name: file.name, folder, tags: file.tags ?? [] }];
  });
}

/** Tests, and in an app the folder `testing` with what its tests share. */
const isTest = (path: string): boolean =>
  /\.(spec|performance)\.tsx?$/.test(path) || /^apps\/[^/]+\/src\/testing\//.test(path) || path.startsWith('test/');
const rulesOf = (project: Project): BoundaryRule[] => BOUNDARY_RULES.filter((rule) => project.tags.includes(rule.tag));
const hasOneOf = (project: Project, tags: readonly string[]): boolean => project.tags.some((tag) => tags.includes(tag));

interface Edge {
  from: Project;
  to: Project;
  file: string;
  line: number;
}

function projectOf(projects: readonly Project[], path: string): Project | undefined {
  return projects.find((project) => path.startsWith(`${project.folder}/`));
}

function edgesBetween(projects: readonly Project[], files: readonly SourceFile[]): Edge[] {
  return files.flatMap((file) => {
    const from = projectOf(projects, file.path);
    if (!from) return [];
    return file.imports.flatMap((imported) => {
      const to = imported.target === undefined ? undefined : projectOf(projects, imported.target);
      return to === undefined || to === from ? [] : [{ from, to, file: file.path, line: imported.line }];
    });
  });
}

function refusedEdges(edges: readonly Edge[]): string[] {
  return edges.flatMap((edge) => {
    if (isTest(edge.file) && hasOneOf(edge.to, TESTS_MAY_ALSO_IMPORT)) return [];
    return rulesOf(edge.from)
      .filter((rule) => !hasOneOf(edge.to, rule.mayImport))
      .map(
        (rule) =>
          `${edge.file}:${edge.line} imports ${edge.to.name} (${edge.to.tags.join(', ')}); ${rule.tag} may import only ${rule.mayImport.join(', ')}`,
      );
  });
}

/** The way from `start` to the first project with one of `tags`, through what production code imports. */
function wayTo(start: Project, tags: readonly string[], edges: readonly Edge[]): Project[] | undefined {
  const ways: Project[][] = [[start]];
  const seen = new Set([start]);
  for (let way = ways.shift(); way; way = ways.shift()) {
    const last = way.at(-1);
    for (const edge of edges) {
      if (edge.from !== last || seen.has(edge.to)) continue;
      if (hasOneOf(edge.to, tags)) return [...way, edge.to];
      seen.add(edge.to);
      ways.push([...way, edge.to]);
    }
  }
  return undefined;
}

function refusedWays(projects: readonly Project[], edges: readonly Edge[]): string[] {
  const production = edges.filter((edge) => !isTest(edge.file));
  return projects.flatMap((project) =>
    rulesOf(project).flatMap((rule) => {
      const way = wayTo(project, rule.mayNotReach ?? [], production);
      return way ? [`${project.name} reaches ${way.at(-1)?.name ?? ''} through ${way.map(({ name }) => name).join(' → ')}`] : [];
    }),
  );
}

/** Imports that reach past the `index.ts` of a library, from outside it. */
function reachesInside(edges: readonly Edge[], files: readonly SourceFile[]): string[] {
  const relativeImports = new Set(
    files.flatMap((file) => file.imports.filter((one) => one.specifier.startsWith('.')).map((one) => `${file.path}:${one.line}`)),
  );
  return edges
    .filter((edge) => edge.to.folder.startsWith('libs/') && relativeImports.has(`${edge.file}:${edge.line}`))
    .filter((edge) => !edge.from.tags.includes('layer:tooling'))
    .map((edge) => `${edge.file}:${edge.line} imports ${edge.to.name} by a relative path; use @managed-consul/${edge.to.name}`);
}

/** Every import that the rules refuse, in words. */
export function findBoundaryProblems(projects: readonly Project[], files: readonly SourceFile[]): string[] {
  const untagged = projects.filter((project) => rulesOf(project).length === 0);
  const homeless = files.filter((file) => projectOf(projects, file.path) === undefined);
  const edges = edgesBetween(projects, files);
  return [
    ...untagged.map((project) => `${project.folder}/project.json has no layer tag that a rule knows`),
    ...homeless.map((file) => `${file.path} is in no project`),
    ...refusedEdges(edges),
    ...refusedWays(projects, edges),
    ...reachesInside(edges, files),
  ];
}
