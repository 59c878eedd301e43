/** ARM's words for a long-running operation. */
export type OperationState = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Canceled';

/** Which lane of its subject an operation holds; at most one operation a lane is unfinished. */
export type OperationLane = 'Change' | 'Delete';

/** `Skipped`: passed by because an operator of the service said so. */
export type StepState = 'Running' | 'Waiting' | 'Succeeded' | 'Failed' | 'Skipped';

/** The operation has ended and will not change again. */
export function isTerminal(state: OperationState): state is 'Succeeded' | 'Failed' | 'Canceled' {
  switch (state) {
    case 'Pending':
    case 'Running':
      return false;
    case 'Succeeded':
    case 'Failed':
    case 'Canceled':
      return true;
  }
}

/** The step has its result, good or bad, or gets none. */
export function isStepFinished(state: StepState): boolean {
  switch (state) {
    case 'Running':
    case 'Waiting':
      return false;
    case 'Succeeded':
    case 'Failed':
    case 'Skipped':
      return true;
  }
}
