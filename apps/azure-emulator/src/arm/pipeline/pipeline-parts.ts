import { type AccessControl } from '../../authorization/access-control';
import { type Locks } from '../../authorization/locks';
import { type EmulatorClock } from '../../clock/emulator-clock';
import { type Subscriptions } from '../../resources/subscriptions';
import { type KeyedQueue } from '../keyed-queue';
import { type LongOperations } from '../long-operations';
import { type ResourceRegistry } from '../resource-registry';
import { type ResourceStore } from '../resource-store';

/** What the stages of the pipeline share. */
export interface PipelineParts {
  readonly registry: ResourceRegistry;
  readonly resources: ResourceStore;
  readonly operations: LongOperations;
  readonly access: AccessControl;
  readonly locks: Locks;
  readonly subscriptions: Subscriptions;
  readonly clock: EmulatorClock;
  /** One request at a time decides about a resource. */
  readonly queue: KeyedQueue;
}
