import type { ErrorDetail } from '@managed-consul/errors';
import { LIMITS } from './cluster-spec';

/** Characters that Azure refuses in tag names. */
const FORBIDDEN_CHARACTERS = /[<>%&\\?/]/;
/** Names that Azure keeps for itself, and those that the service marks its own resources with. */
const RESERVED_PREFIXES = ['microsoft', 'azure', 'windows', 'managed-consul'];

function nameProblem(name: string): string | undefined {
  const { nameLength } = LIMITS.tags;
  if (name.length === 0 || name.length > nameLength) return `Tag names have 1 to ${nameLength} characters.`;
  if (FORBIDDEN_CHARACTERS.test(name)) return 'Azure does not allow < > % & \\ ? / in tag names; leave them out.';
  const reserved = RESERVED_PREFIXES.find((prefix) => name.toLowerCase().startsWith(prefix));
  return reserved ? `Tag names that begin with '${reserved}' are reserved; choose another.` : undefined;
}

/** Every way in which tags would not fit on an Azure resource. Names are compared without regard to case, as Azure does. */
export function tagProblems(tags: Record<string, string> | undefined): ErrorDetail[] {
  const problems: ErrorDetail[] = [];
  const names = Object.keys(tags ?? {});
  if (names.length > LIMITS.tags.count) {
    problems.push({
      code: 'TooManyTags',
      target: 'tags',
      message: `Give at most ${LIMITS.tags.count} tags; there are ${names.length}.`,
    });
  }
  const seen = new Set<string>();
  for (const name of names) {
    const target = `tags.${name.slice(0, 64)}`;
    const why = nameProblem(name);
    if (why) problems.push({ code: 'InvalidTagName', target, message: why });
    if ((tags?.[name]?.length ?? 0) > LIMITS.tags.valueLength) {
      problems.push({
        code: 'InvalidTagValue',
        target,
        message: `Tag values have at most ${LIMITS.tags.valueLength} characters.`,
      });
    }
    if (seen.has(name.toLowerCase())) {
      problems.push({
        code: 'DuplicateTagName',
        target,
        message: 'Two tag names differ only in case; Azure takes them for one. Keep one.',
      });
    }
    seen.add(name.toLowerCase());
  }
  return problems;
}
