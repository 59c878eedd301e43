/** Which zone a new instance goes to, and which instances go when there are too many. Pure. */
import type { StoredResource } from '../arm/resource';
import { instanceOf } from './instance.model';
import type { ScaleInRule } from './scale-set.model';

const countIn = (zone: string | undefined, instances: readonly StoredResource[]): number =>
  instances.filter((instance) => instance.zones?.[0] === zone).length;

/** The zone with the fewest instances, the first of equals; undefined for a scale set without zones. */
export function chooseZone(zones: readonly string[], instances: readonly StoredResource[]): string | undefined {
  return [...zones].sort((a, b) => countIn(a, instances) - countIn(b, instances))[0];
}

const numberOf = (instance: StoredResource): number => Number(instanceOf(instance).instanceId);

/**
 * The instances to remove. `Default` takes from the fullest zone the highest number, one after the other; `NewestVM` and
 * `OldestVM` balance zones too and then go by age, which is the number.
 */
export function chooseSurplus(instances: readonly StoredResource[], surplus: number, rule: ScaleInRule): StoredResource[] {
  const remaining = [...instances];
  const chosen: StoredResource[] = [];
  while (chosen.length < surplus && remaining.length > 0) {
    const fullest = Math.max(...remaining.map((instance) => countIn(instance.zones?.[0], remaining)));
    const candidates = remaining.filter((instance) => countIn(instance.zones?.[0], remaining) === fullest);
    const byNumber = candidates.sort((a, b) => numberOf(a) - numberOf(b));
    const next = rule === 'OldestVM' ? byNumber[0] : byNumber.at(-1);
    if (!next) break;
    chosen.push(next);
    remaining.splice(remaining.indexOf(next), 1);
  }
  return chosen;
}
