import { REPAIR_SUSPENDED, type recordLook } from '@managed-consul/clusters';
import type { ScheduleDependencies } from '../schedule';

type Recorded = Awaited<ReturnType<typeof recordLook>>;

/** After the commit of a look: rings for the repair that it asked for, and calls a person when repairs do not help. */
export async function endLook(
  { bell, log }: Pick<ScheduleDependencies, 'bell' | 'log'>,
  clusterId: string,
  recorded: Recorded,
): Promise<void> {
  if (recorded?.repair) await bell.ring(recorded.repair);
  for (const { type, reason, message } of recorded?.changed ?? []) {
    const fields = { clusterId, condition: type, reason };
    if (reason === REPAIR_SUSPENDED) log.error({ ...fields, page: true }, `A cluster cannot be repaired. ${message}`);
    else log.info(fields, 'the condition of a cluster has changed');
  }
}
