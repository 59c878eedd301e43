import type { AgentTask, AgentTaskKind, AgentTaskOf, AgentTaskResultOf, AgentTaskStatus } from '@managed-consul/agent-protocol';
import { minutes, type Clock, type Milliseconds } from '@managed-consul/config';
import type { Log } from './log';
import { TaskFailedError } from './task-error';

/** What a task is given beside its body. */
export interface TaskContext {
  /** Aborted when the agent stops, and when the task has had its time. */
  signal: AbortSignal;
  /** Adds to the bytes that have gone through. */
  moved: (bytes: number) => void;
}

/** How each kind is done. Throws `TaskFailedError` for what is expected to go wrong. */
export type TaskHandlers = {
  [Kind in AgentTaskKind]: (task: AgentTaskOf<Kind>, context: TaskContext) => Promise<AgentTaskResultOf<Kind>>;
};

/** How long each kind may be on. */
export type TaskDeadlines = Readonly<Record<AgentTaskKind, Milliseconds>>;

/**
 * The machine does one task at a time: one that never ended would block all others. As long as the control plane waits for
 * it: nobody wants it any more then.
 */
const DEADLINES: TaskDeadlines = {
  'take-snapshot': minutes(30),
  'drill-snapshot': minutes(45),
  'restore-snapshot': minutes(60),
  'recover-peers': minutes(10),
  'move-leadership': minutes(5),
};

export interface TaskRunnerOptions {
  handlers: TaskHandlers;
  deadlines?: TaskDeadlines;
  clock: Clock;
  log: Log;
  /** Called when a task has ended. */
  onEnd: () => void;
}

/** Another task is on: the machine does one at a time. */
export class TaskInProgressError extends Error {}

interface Task {
  status: AgentTaskStatus;
  movedBytes: number;
}

/** Ended tasks that can still be asked for. */
const REMEMBERED_TASKS = 20;

/**
 * Does work that takes long, one task at a time, and remembers how it ended. Nothing of a task is written down: after a
 * restart of the agent it is unknown, and whoever wants it asks again.
 */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #deadlines: TaskDeadlines;
  readonly #tasks = new Map<string, Task>();
  readonly #stopping = new AbortController();
  #running: { id: string; work: Promise<void> } | undefined;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    this.#deadlines = options.deadlines ?? DEADLINES;
  }

  /** Starts the task, or finds the one of this id that was started before. The log names its trace. Throws `TaskInProgressError`. */
  start(id: string, body: AgentTask, traceparent?: string): AgentTaskStatus {
    const known = this.find(id);
    if (known) return known;
    if (this.#running) throw new TaskInProgressError(`Task ${this.#running.id} is not finished.`);
    const startedAt = this.#options.clock.now().toISOString();
    const task: Task = { status: { id, kind: body.kind, state: 'running', startedAt }, movedBytes: 0 };
    this.#tasks.set(id, task);
    this.#forgetOldest();
    const work = this.#run(task, body, traceparent).finally(() => {
      this.#running = undefined;
      this.#options.onEnd();
    });
    this.#running = { id, work };
    return describe(task);
  }

  /** How a task stands; undefined when this agent knows none of that id. */
  find(id: string): AgentTaskStatus | undefined {
    const task = this.#tasks.get(id);
    return task && describe(task);
  }

  /** Breaks off what is under way and waits until it has cleaned up. */
  async stop(): Promise<void> {
    this.#stopping.abort(new TaskFailedError('TaskAborted', 'The agent was stopped.', { mayPass: true }));
    await this.#running?.work;
  }

  async #run(task: Task, body: AgentTask, traceparent: string | undefined): Promise<void> {
    const { log } = this.#options;
    const { id, kind } = task.status;
    log.info({ task: id, kind, ...(traceparent === undefined ? {} : { traceparent }) }, 'A task has begun');
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(tookTooLong()), this.#deadlines[kind]);
    const signal = AbortSignal.any([this.#stopping.signal, late.signal]);
    try {
      const result = await this.#handle(body, { signal, moved: (bytes) => (task.movedBytes += bytes) });
      task.status = { ...task.status, state: 'succeeded', result } as AgentTaskStatus;
      log.info({ task: id, kind }, 'A task has succeeded');
    } catch (error) {
      const failure = failureOf(error, signal);
      task.status = { ...task.status, state: 'failed', error: failure.toBody() };
      log.warn({ task: id, kind, error: failure }, 'A task has failed');
    } finally {
      clearTimeout(timer);
    }
  }

  #handle<Kind extends AgentTaskKind>(body: AgentTaskOf<Kind>, context: TaskContext): Promise<AgentTaskResultOf<Kind>> {
    const handler = this.#options.handlers[body.kind];
    return handler(body, context);
  }

  #forgetOldest(): void {
    for (const id of this.#tasks.keys()) {
      if (this.#tasks.size <= REMEMBERED_TASKS) return;
      this.#tasks.delete(id);
    }
  }
}

const tookTooLong = (): TaskFailedError =>
  new TaskFailedError('TaskTimedOut', 'The task did not end in its time.', { mayPass: true });

function failureOf(error: unknown, signal: AbortSignal): TaskFailedError {
  if (signal.aborted) return signal.reason as TaskFailedError;
  if (error instanceof TaskFailedError) return error;
  return new TaskFailedError('Unexpected', 'Something unexpected went wrong; the agent log says what.', {
    mayPass: true,
    cause: error,
  });
}

function describe({ status, movedBytes }: Task): AgentTaskStatus {
  return movedBytes === 0 ? status : { ...status, progress: { bytes: movedBytes } };
}
