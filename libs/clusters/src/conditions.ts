/** What can be said about a cluster from looking at it. */
export const CONDITION_TYPES = [
  'Available',
  'Degraded',
  'UpToDate',
  'CertificatesValid',
  'BackedUp',
  'AgentsConnected',
  'InfrastructureInSync',
  'Federated',
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** One such statement with its reason; computed from observation, never set by a workflow. Stored as JSON with the cluster. */
export interface Condition {
  type: ConditionType;
  status: 'True' | 'False' | 'Unknown';
  /** One word in CamelCase, stable: programs compare it. */
  reason: string;
  /** One sentence for a person. */
  message: string;
  /** When `status` last changed, ISO 8601. */
  lastTransitionAt: string;
}

/** A statement as a look gives it. */
export type ObservedCondition = Omit<Condition, 'lastTransitionAt'>;

/** `conditions` with `observed` in place of the one of its type; its transition time moves only when the status does. */
export function observeCondition(conditions: readonly Condition[], observed: ObservedCondition, now: Date): Condition[] {
  const before = conditions.find((condition) => condition.type === observed.type);
  const lastTransitionAt = before?.status === observed.status ? before.lastTransitionAt : now.toISOString();
  const rest = conditions.filter((condition) => condition.type !== observed.type);
  return [...rest, { ...observed, lastTransitionAt }].sort(
    (one, other) => CONDITION_TYPES.indexOf(one.type) - CONDITION_TYPES.indexOf(other.type),
  );
}

/** What is as it should be, or not known: no news when a cluster is looked at for the first time. */
export const isGood = ({ type, status }: Pick<ObservedCondition, 'type' | 'status'>): boolean =>
  status === 'Unknown' || status === (type === 'Degraded' ? 'False' : 'True');

/** The statements of `after` that are news against `before`: another status or another reason; of a first look only what is wrong. */
export function changedConditions(before: readonly Condition[], after: readonly Condition[]): Condition[] {
  return after.filter((condition) => {
    const last = before.find(({ type }) => type === condition.type);
    return last ? last.status !== condition.status || last.reason !== condition.reason : !isGood(condition);
  });
}
