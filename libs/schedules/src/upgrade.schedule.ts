import { requestAutomaticUpgrade } from '@managed-consul/upgrades';
import type { ScheduleFactory } from './schedule';

/**
 * Upgrades by themselves what customers have said may be, in their maintenance windows: to the newest patch of the line that a
 * cluster runs. While another operation holds the cluster the look fails and is repeated, as long as the window is open.
 */
export const upgradeSchedule: ScheduleFactory = ({ database, bell, clock }) => ({
  kind: 'upgrade',
  run: async (clusterId) => {
    const looked = await database.prisma.$transaction((tx) => requestAutomaticUpgrade(tx, clusterId, clock));
    if (looked.operation) await bell.ring(looked.operation);
    return looked.nextLook;
  },
});
