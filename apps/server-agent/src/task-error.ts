import type { TaskError } from '@managed-consul/agent-protocol';

/** Why a task failed; code and message are told, the cause goes into the log. `mayPass`: the same task may succeed later. */
export class TaskFailedError extends Error {
  readonly code: string;
  readonly mayPass: boolean;

  constructor(code: string, message: string, more: { mayPass: boolean; cause?: unknown }) {
    super(message, { cause: more.cause });
    this.name = 'TaskFailedError';
    this.code = code;
    this.mayPass = more.mayPass;
  }

  toBody(): TaskError {
    return { code: this.code, message: this.message, mayPass: this.mayPass };
  }
}
