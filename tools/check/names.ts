import { basename, extname } from 'node:path';
import { BANNED_NAMES, NAMES_OF_OTHERS } from './boundary-rules';

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Files and folders whose name breaks the conventions: a banned word, or TypeScript that is not in kebab-case. */
export function findBadNames(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const name = basename(path);
    const ours = NAMES_OF_OTHERS.reduce((rest, known) => rest.replace(known, ''), name);
    const words = ours.split(/[-._]/);
    const banned = BANNED_NAMES.find((word) => words.includes(word));
    if (banned !== undefined) return [`${path}: the word "${banned}" says nothing about what is in it`];
    if (extname(name) !== '.ts') return [];
    const stem = name.slice(0, -'.ts'.length);
    return stem.split('.').every((part) => KEBAB_CASE.test(part)) ? [] : [`${path}: name it in kebab-case`];
  });
}
