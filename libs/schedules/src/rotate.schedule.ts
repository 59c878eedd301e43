import { requestDueRotation } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { AppError } from '@managed-consul/errors';
import type { ScheduleFactory } from './schedule';

/** Until the next look at a cluster that could not be renewed: days are left, so there is no hurry. */
const LOOK_AGAIN = minutes(30);

/** Renews certificates, authorities and agent tokens before they end, or have been in use for too long. */
export const rotateSchedule: ScheduleFactory = ({ database, bell, clock }) => ({
  kind: 'rotate',
  run: async (clusterId, { now }) => {
    try {
      const looked = await database.prisma.$transaction((tx) => requestDueRotation(tx, clusterId, clock));
      if (looked.operation) await bell.ring(looked.operation);
      return looked.nextLook;
    } catch (error) {
      const isBusy = error instanceof AppError && (error.code === 'OperationInProgress' || error.code === 'Conflict');
      if (isBusy) return new Date(now.getTime() + LOOK_AGAIN);
      throw error;
    }
  },
});
