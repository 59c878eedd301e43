import { ProcessDied, type BoundaryPoint, type StepBoundary } from '@managed-consul/workflow-engine';
import { doubled } from './every-step-twice';
import { succeed, type WorkflowTrial } from './workflow-trial';

/** A moment in an operation at which a worker can die. */
export interface KillPoint {
  readonly point: BoundaryPoint;
  readonly name: string;
  readonly item: string;
}

const inOrder = ({ point, name, item }: KillPoint) => `${point} ${name}${item ? ` of ${item}` : ''}`;

/** Dies the first time that each of `wanted` (all, if undefined) is reached; notes what was reached. */
class DeadlyBoundary implements StepBoundary {
  readonly met = new Map<string, KillPoint>();

  constructor(private readonly wanted: (point: KillPoint) => boolean) {}

  reached(point: BoundaryPoint, { name, item }: { name: string; item: string }): void {
    const here = { point, name, item };
    const isFirst = !this.met.has(inOrder(here));
    this.met.set(inOrder(here), here);
    if (isFirst && this.wanted(here)) throw new ProcessDied();
  }
}

/**
 * Proves that an operation outlives its workers: they die before each step's effect, after it but before its row, and after
 * the row. By default one operation meets all deaths, one after the other, which costs one cluster; with `separately` each
 * death has an operation of its own; with `twice` each step is carried out two times in a row as well, deaths or not. Gives the
 * points at which a worker died.
 */
export async function killedAtEveryStep<Services extends object>(
  asked: WorkflowTrial<Services>,
  options: { separately?: boolean; twice?: boolean } = {},
): Promise<KillPoint[]> {
  const trial = options.twice ? { ...asked, host: doubled(asked.host) } : asked;
  const boundary = new DeadlyBoundary(() => options.separately !== true);
  await succeed(trial, options.separately ? 'nothing happened' : 'its worker died at every step', boundary);
  const points = [...boundary.met.values()];
  if (!options.separately) return points;
  for (const point of points) {
    const deadly = new DeadlyBoundary((here) => inOrder(here) === inOrder(point));
    await succeed(trial, `its worker died ${inOrder(point)}`, deadly);
  }
  return points;
}
