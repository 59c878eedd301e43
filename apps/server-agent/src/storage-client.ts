import { minutes, type Milliseconds } from '@managed-consul/config';

/** How long storage may leave the agent without what it asked for. */
export interface StoragePatience {
  /** For one call with all its tries: at most one block is sent with it. */
  call: Milliseconds;
  /** Between two parts of a body that is read. */
  idle: Milliseconds;
}

/** 4 MiB in three minutes is less than any machine's network does. */
export const PATIENCE: StoragePatience = { call: minutes(3), idle: minutes(1) };

/** `tryTimeoutInMs` is told to storage, which keeps to it only while it answers at all. */
export const CLIENT_OPTIONS = { retryOptions: { maxTries: 4, tryTimeoutInMs: minutes(2), retryDelayInMs: 500 } };

/** Loaded at the first use: Azure's client is larger than the rest of the agent, and most agents never store anything. */
export const loadClient = () => import('@azure/storage-blob');

/** The status that storage answered with, if it did answer. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' ? status : undefined;
}
