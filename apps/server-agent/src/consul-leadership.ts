import { setTimeout as wait } from 'node:timers/promises';
import type { Milliseconds } from '@managed-consul/config';
import { askConsulForJson, type LocalConsulRequest } from './consul-request';
import { TaskFailedError } from './task-error';

const LOOK_INTERVAL = 100;

/**
 * Waits until a leader answers that has done all that a new leader begins with: access control, certificate authority, autopilot.
 * Consul names the leader and lets tokens in before that; a restore then cuts the beginning short, and Consul says that it has
 * failed although it has replaced the state. A consistent read is answered only afterwards. Throws the last error when it takes
 * longer than `within`, or at once when nothing `mayPass` any more; a refusal as `ConsulNotReady`.
 */
export async function waitUntilLed(
  consul: Pick<LocalConsulRequest, 'address' | 'token' | 'signal'>,
  { within, mayPass }: { within: Milliseconds; mayPass: () => boolean },
): Promise<void> {
  const end = Date.now() + within;
  for (;;) {
    try {
      await askConsulForJson({ ...consul, path: '/v1/acl/token/self?consistent' });
      return;
    } catch (error) {
      consul.signal.throwIfAborted();
      if (!mayPass() || Date.now() > end) throw isRefusal(error) ? notReady(error) : error;
    }
    await wait(LOOK_INTERVAL, undefined, { signal: consul.signal });
  }
}

/** Consul answered, and did not do what was asked. */
export const isRefusal = (error: unknown): error is TaskFailedError =>
  error instanceof TaskFailedError && error.code === 'ConsulRefused';

/** A refusal that lies in Consul's own state: it says nothing about what Consul was given, or is to be given. */
export const notReady = (refusal: TaskFailedError): TaskFailedError =>
  new TaskFailedError('ConsulNotReady', refusal.message, { mayPass: refusal.mayPass, cause: refusal });
