/** The three trials that every workflow must pass, and the means to run a workflow without queue and worker process. */
export { everyStepTwice } from './every-step-twice';
export { failedAtEveryStepThenDeletable, type Deletion } from './failed-at-every-step';
export { killedAtEveryStep, type KillPoint } from './killed-at-every-step';
export { fakeTime, realTime, type TrialTime } from './trial-time';
export { NotedBell, WorkflowBench } from './workflow-bench';
export { driveToEnd, readOperation, type TrialOperation, type WorkflowTrial } from './workflow-trial';
