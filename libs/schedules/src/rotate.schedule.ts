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
      if (!(error instanceof AppError)) throw error;
      const lookAgainAt = new Date(now.getTime() + LOOK_AGAIN);
      if (error.code === 'OperationInProgress') return { lookAgainAt };
      // Of a cluster that is suspended or goes away nothing is due.
      if (error.code === 'Conflict') return lookAgainAt;
      throw error;
    }
  },
});
