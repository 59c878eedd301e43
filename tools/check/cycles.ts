import type { SourceFile } from './source-files';

/** Groups of files that import each other in a circle, each as one line (Tarjan's strongly connected components). */
export function findCycles(files: readonly SourceFile[]): string[] {
  const graph = new Map(files.map((file) => [file.path, file.imports.flatMap((one) => one.target ?? [])]));
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const cycles: string[] = [];

  const visit = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.size - 1);
    stack.push(path);
    onStack.add(path);
    for (const target of graph.get(path) ?? []) {
      if (!graph.has(target)) continue;
      if (!index.has(target)) visit(target);
      if (onStack.has(target)) low.set(path, Math.min(low.get(path) ?? 0, low.get(target) ?? 0));
    }
    if (low.get(path) !== index.get(path)) return;
    const members = stack.splice(stack.indexOf(path));
    for (const member of members) onStack.delete(member);
    const importsItself = graph.get(path)?.includes(path) ?? false;
    if (members.length > 1 || importsItself) cycles.push(`${members.join(' → ')} → ${path}`);
  };
  for (const file of files) if (!index.has(file.path)) visit(file.path);
  return cycles;
}
