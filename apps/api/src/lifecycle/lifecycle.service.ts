import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type {
  createRotationRequestSchema,
  previewRestoreRequestSchema,
  recoverQuorumRequestSchema,
  resizeRequestSchema,
  restoreRequestSchema,
  scaleRequestSchema,
} from '@managed-consul/api-contract';
import type { Requester } from '@managed-consul/access';
import {
  requestRepair,
  requestResize,
  requestResume,
  requestRotation,
  requestScale,
  requestSuspend,
  type RecoverQuorumInput,
} from '@managed-consul/clusters';
import type { Clock } from '@managed-consul/config';
import type { Transaction } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import type { Operation } from '@managed-consul/operations';
import { requestRecoverQuorum, requestRestore, requestRestorePreview } from '@managed-consul/snapshots';
import { API_SERVICES, type ApiServices } from '../api-services';
import { RequestsService, type SentRequest } from '../operations/requests.service';
import type { AcceptedAnswer } from '../operations/starts-operation';

type Body<Schema extends z.ZodType> = z.output<Schema>;

/** One of the domain's requests about a cluster. */
type ClusterRequest<Wish> = (
  tx: Transaction,
  wish: Wish & { requester: Requester; clusterId: string },
  clock: Clock,
) => Promise<Operation>;

/** Where a recovery takes its data from. Throws InvalidRequest for a snapshot too much or too few. */
function sourceOf({ from, snapshotId }: Body<typeof recoverQuorumRequestSchema>): RecoverQuorumInput {
  if (from === 'Survivors' && snapshotId === undefined) return { from: 'survivors' };
  if (from === 'Snapshot' && snapshotId !== undefined) return { from: 'snapshot', snapshotId };
  const missing = from === 'Snapshot';
  const message = missing
    ? 'Say which snapshot to recover from.'
    : 'Leave the snapshot out: the survivors know more than it does.';
  const details = [{ code: missing ? 'Required' : 'UnknownField', target: 'snapshotId', message }];
  throw new AppError('InvalidRequest', message, { target: 'snapshotId', details });
}

/** Turns requests that change a cluster into the domain's requests. */
@Injectable()
export class LifecycleService {
  readonly #clock: Clock;
  readonly #requests: RequestsService;

  constructor(@Inject(API_SERVICES) services: ApiServices, @Inject(RequestsService) requests: RequestsService) {
    this.#clock = services.clock;
    this.#requests = requests;
  }

  previewRestore(sent: SentRequest, id: string, body: Body<typeof previewRestoreRequestSchema>): Promise<AcceptedAnswer> {
    return this.#record(sent, id, requestRestorePreview, body);
  }

  restore(sent: SentRequest, id: string, body: Body<typeof restoreRequestSchema>): Promise<AcceptedAnswer> {
    const { snapshotId, safetySnapshot = true } = body;
    return this.#record(sent, id, requestRestore, { snapshotId, safetySnapshot });
  }

  async recoverQuorum(sent: SentRequest, id: string, body: Body<typeof recoverQuorumRequestSchema>): Promise<AcceptedAnswer> {
    return this.#record(sent, id, requestRecoverQuorum, { source: sourceOf(body) });
  }

  rotate(sent: SentRequest, id: string, body: Body<typeof createRotationRequestSchema>): Promise<AcceptedAnswer> {
    return this.#record(sent, id, requestRotation, body);
  }

  scale(sent: SentRequest, id: string, body: Body<typeof scaleRequestSchema>): Promise<AcceptedAnswer> {
    return this.#record(sent, id, requestScale, body);
  }

  resize(sent: SentRequest, id: string, body: Body<typeof resizeRequestSchema>): Promise<AcceptedAnswer> {
    return this.#record(sent, id, requestResize, body);
  }

  suspend(sent: SentRequest, id: string): Promise<AcceptedAnswer> {
    return this.#record(sent, id, requestSuspend, {});
  }

  resume(sent: SentRequest, id: string): Promise<AcceptedAnswer> {
    return this.#record(sent, id, requestResume, {});
  }

  repair(sent: SentRequest, id: string): Promise<AcceptedAnswer> {
    return this.#record(sent, id, requestRepair, {});
  }

  #record<Wish>(sent: SentRequest, clusterId: string, request: ClusterRequest<Wish>, wish: Wish): Promise<AcceptedAnswer> {
    const { requester } = sent;
    return this.#requests.onCluster(sent, clusterId, async (tx) => ({
      operation: await request(tx, { ...wish, requester, clusterId }, this.#clock),
    }));
  }
}
