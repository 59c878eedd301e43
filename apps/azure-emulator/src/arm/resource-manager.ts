import { AccessControl } from '../authorization/access-control';
import { Locks } from '../authorization/locks';
import { type EmulatorClock } from '../clock/emulator-clock';
import { ResourceGroupService } from '../resources/resource-groups';
import { type Subscriptions } from '../resources/subscriptions';
import { type Store } from '../store/store';
import { InProcessAccess } from './in-process-access';
import { KeyedQueue } from './keyed-queue';
import { type LongOperations } from './long-operations';
import { AsyncAnswers } from './pipeline/async-answers';
import { ResourceActions } from './pipeline/resource-actions';
import { ResourceDeletes } from './pipeline/resource-deletes';
import { ResourceDispatcher } from './pipeline/resource-dispatcher';
import { ResourceReads } from './pipeline/resource-reads';
import { ResourceWrites } from './pipeline/resource-writes';
import { ResourceRegistry } from './resource-registry';
import { ResourceStore } from './resource-store';

export interface ResourceManagerParts {
  readonly store: Store;
  readonly clock: EmulatorClock;
  readonly operations: LongOperations;
  readonly subscriptions: Subscriptions;
  readonly retryAfterSeconds: number;
}

/** The parts of Resource Manager, put together. */
export class ResourceManager {
  readonly registry = new ResourceRegistry();
  readonly resources: ResourceStore;
  readonly access: AccessControl;
  readonly locks: Locks;
  readonly reads: ResourceReads;
  readonly inProcess: InProcessAccess;
  readonly resourceGroups: ResourceGroupService;
  readonly dispatcher: ResourceDispatcher;
  readonly answers: AsyncAnswers;

  constructor({ store, clock, operations, subscriptions, retryAfterSeconds }: ResourceManagerParts) {
    const registry = this.registry;
    const resources = new ResourceStore(store, registry);
    const access = new AccessControl(resources);
    this.locks = new Locks(resources);
    const parts = {
      registry,
      resources,
      access,
      operations,
      subscriptions,
      clock,
      locks: this.locks,
      queue: new KeyedQueue(),
    };
    const stages = {
      reads: new ResourceReads(parts),
      writes: new ResourceWrites(parts),
      deletes: new ResourceDeletes(parts),
      actions: new ResourceActions(parts),
    };
    this.resources = resources;
    this.access = access;
    this.reads = stages.reads;
    this.answers = new AsyncAnswers(retryAfterSeconds);
    this.inProcess = new InProcessAccess({ registry, resources, operations, ...stages });
    this.resourceGroups = new ResourceGroupService({ resources, deletes: stages.deletes, operations, clock });
    this.dispatcher = new ResourceDispatcher({ registry, operations, answers: this.answers, ...stages });
  }
}
