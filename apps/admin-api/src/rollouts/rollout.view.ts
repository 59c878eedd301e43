import type { FreezeBody, MaintenanceScheduleBody, RolloutBody, RolloutClusterBody } from '@managed-consul/api-contract';
import type { Freeze, MaintenanceSchedule } from '@managed-consul/database';
import type { FleetRollout, RolloutTask, RolloutTurn } from '@managed-consul/fleet';
import { isoOf } from '@managed-consul/http-api';

export const showRollout = ({ counts, ...rollout }: FleetRollout): RolloutBody => ({
  id: rollout.id,
  task: rollout.task as RolloutTask,
  consulVersion: rollout.consulVersion,
  selection: rollout.selection as Record<string, unknown>,
  state: rollout.state,
  pauseReason: rollout.pauseReason,
  wave: rollout.wave,
  waves: rollout.waves,
  clusters: counts,
  concurrency: rollout.concurrency,
  toleratedPercent: rollout.toleratedPercent,
  soakSeconds: rollout.soakSeconds,
  evenIfManual: rollout.evenIfManual,
  reason: rollout.reason,
  ticket: rollout.ticket,
  createdAt: rollout.createdAt.toISOString(),
  finishedAt: isoOf(rollout.finishedAt),
});

export const showTurn = ({ cluster, ...turn }: RolloutTurn): RolloutClusterBody => ({
  clusterId: turn.clusterId,
  name: cluster?.name ?? null,
  region: cluster?.region ?? null,
  consulVersion: cluster?.observedConsulVersion ?? null,
  wave: turn.wave,
  state: turn.state,
  message: turn.message,
  operationId: turn.operationId,
  attempts: turn.attempts,
  accepted: turn.accepted,
  startedAt: isoOf(turn.startedAt),
  endedAt: isoOf(turn.endedAt),
});

export const showFreeze = ({ id, scope, value, until, reason, ticket, createdAt }: Freeze): FreezeBody => ({
  ...{ id, scope, value, reason, ticket },
  until: until.toISOString(),
  createdAt: createdAt.toISOString(),
});

export const showMaintenanceSchedule = (schedule: MaintenanceSchedule): MaintenanceScheduleBody => ({
  id: schedule.id,
  name: schedule.name,
  task: schedule.task as RolloutTask,
  selection: schedule.selection as Record<string, unknown>,
  moment: schedule.moment,
  everyWeeks: schedule.everyWeeks,
  nextAt: schedule.nextAt.toISOString(),
  reason: schedule.reason,
  ticket: schedule.ticket,
});
