/**
 * Reasons of the agent that lie in the snapshot: it is not what was stored, it is gone, or a Consul that was well refused to take it.
 * All others (storage or a program that cannot be reached, a server that does not come up, too little time) say nothing about it.
 */
const AGAINST = new Set(['SnapshotDamaged', 'SnapshotMissing', 'ConsulRefused']);

/** Whether a drill that ended with the code has shown that the snapshot cannot be relied on. */
export const speaksAgainstSnapshot = (code: string): boolean => AGAINST.has(code);
