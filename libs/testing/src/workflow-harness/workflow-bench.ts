import { randomUUID } from 'node:crypto';
import { createLogger } from '@managed-consul/observability';
import { openDatabase, type Database } from '@managed-consul/database';
import {
  Operations,
  requestOperation,
  type Operation,
  type OperationRequest,
  type OperationStep,
} from '@managed-consul/operations';
import {
  WorkflowRunner,
  type Bell,
  type RunnerOptions,
  type Workflow,
  type WorkflowHost,
  defineWorkflows,
} from '@managed-consul/workflow-engine';
import { FakeClock } from '../fake-clock';
import { createTestDatabase } from '../test-servers';

/** A bell that notes what was rung. */
export class NotedBell implements Bell {
  readonly rung: { id: string; wakeNumber: number; delay: number }[] = [];

  async ring({ id, wakeNumber }: { id: string; wakeNumber: number }, delay = 0): Promise<void> {
    this.rung.push({ id, wakeNumber, delay });
  }
}

/** A database with operations in it, a clock moved by hand, and runners on both: where the engine itself is tested. */
export class WorkflowBench {
  readonly clock = new FakeClock();
  readonly bell = new NotedBell();
  readonly operations: Operations;

  private constructor(
    readonly database: Database,
    readonly url: string,
    private readonly drop: () => Promise<void>,
  ) {
    this.operations = new Operations(database, this.bell, this.clock);
  }

  static async open(): Promise<WorkflowBench> {
    const test = await createTestDatabase();
    return new WorkflowBench(openDatabase({ url: test.url, maxConnections: 10 }), test.url, () => test.drop());
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.drop();
  }

  /** Asks for an operation of `kind`, on a subject of its own unless told otherwise. */
  request(kind: string, more: Partial<OperationRequest> = {}): Promise<Operation> {
    const request = { kind, subject: `thing/${randomUUID()}`, lane: 'Change', input: {}, requestedBy: 'tests', ...more } as const;
    return this.database.prisma.$transaction((tx) => requestOperation(tx, request, this.clock));
  }

  async operation(id: string): Promise<Operation> {
    const operation = await this.operations.find(id);
    if (!operation) throw new Error(`There is no operation ${id}.`);
    return operation;
  }

  /** The steps that have begun, each as `name` or `name:item` with its state, in order. */
  async progress(id: string): Promise<string[]> {
    const name = (step: OperationStep) => (step.item ? `${step.name}:${step.item}` : step.name);
    return (await this.operations.steps(id)).map((step) => `${name(step)} ${step.state}`);
  }

  /** A host for workflows that need `services`; its hooks do nothing unless they are given. */
  host<Services extends object>(
    workflows: readonly Workflow<Services>[],
    services: Services,
    hooks: Partial<Omit<WorkflowHost<Services>, 'workflows' | 'buildServices'>> = {},
  ): WorkflowHost<Services> {
    return {
      workflows: defineWorkflows(workflows),
      buildServices: async () => services,
      recordOutcome: async () => undefined,
      page: async () => undefined,
      describe: () => undefined,
      ...hooks,
    };
  }

  /** A runner on the bench's database, clock and bell. Retries take their longest delay, so that tests can name it. */
  runner<Services extends object>(
    host: WorkflowHost<Services>,
    more: Partial<RunnerOptions<Services>> = {},
  ): WorkflowRunner<Services> {
    const { database, bell, clock } = this;
    const log = createLogger({ app: 'tests', level: 'silent' });
    return new WorkflowRunner({ database, host, bell, clock, log, name: 'runner', random: () => 1, ...more });
  }
}
