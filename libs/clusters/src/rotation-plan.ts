import { hours, type Milliseconds } from '@managed-consul/config';
import type { RotationTarget } from './rotation.request';

const DAY: Milliseconds = hours(24);

/** Tokens do not end by themselves; a year is as long as a server's certificate lives. */
const AGENT_TOKENS_FOR: Milliseconds = 365 * DAY;
/** How long Consul's built-in authority of the mesh lives. */
const MESH_ROOT_LIVES: Milliseconds = 3650 * DAY;
/** What ends is renewed when this part of its life is over: a third is left for whatever may go wrong. */
const RENEW_AFTER = 2 / 3;
/** After a rotation that failed: the same at once would fail again, and an operator has been told. */
const TRY_AGAIN_AFTER: Milliseconds = DAY;

/** From when to when something is good. */
export interface Life {
  notBefore: Date;
  notAfter: Date;
}

/** What is known of a cluster's certificates and of its last rotations. */
export interface RotationFacts {
  /** Of the certificate in force on each server. */
  serverCertificates: readonly Life[];
  certificateAuthority: Life | undefined;
  /** When the agents' tokens, or the mesh's root, were last renewed, or made with the cluster. */
  agentTokensSince: Date;
  connectAuthoritySince: Date;
  /** When the last rotation of a target failed, if none has succeeded since. */
  failedAt: Partial<Record<RotationTarget, Date>>;
  /** What is not the cluster's alone, and is never renewed without its customer. */
  shared?: readonly RotationTarget[];
}

/** A rotation that has to be made, and from when on. */
export interface PlannedRotation {
  what: RotationTarget;
  dueAt: Date;
  /** Why, as the end of a sentence for the customer. */
  because: string;
}

const after = (start: Date, length: Milliseconds): Date => new Date(start.getTime() + length);

const renewalOf = ({ notBefore, notAfter }: Life): Date =>
  after(notBefore, (notAfter.getTime() - notBefore.getTime()) * RENEW_AFTER);

const earliest = (dates: readonly Date[]): Date | undefined =>
  dates.reduce<Date | undefined>((first, date) => (first && first <= date ? first : date), undefined);

function wanted(facts: RotationFacts): PlannedRotation[] {
  const certificates = earliest(facts.serverCertificates.map(renewalOf));
  const ending = 'the last third of its time has begun';
  const all: (Omit<PlannedRotation, 'dueAt'> & { dueAt: Date | undefined })[] = [
    { what: 'ServerCertificates', dueAt: certificates, because: ending },
    { what: 'CertificateAuthority', dueAt: facts.certificateAuthority && renewalOf(facts.certificateAuthority), because: ending },
    { what: 'AgentTokens', dueAt: after(facts.agentTokensSince, AGENT_TOKENS_FOR), because: 'they are a year old' },
    {
      what: 'ConnectAuthority',
      dueAt: after(facts.connectAuthoritySince, MESH_ROOT_LIVES * RENEW_AFTER),
      because: ending,
    },
  ];
  return all.flatMap(({ dueAt, ...rest }) => (dueAt ? [{ ...rest, dueAt }] : []));
}

/**
 * The rotation that has to be made next. The gossip key is never among them: machines that are away would lose contact, so
 * only the customer can say when.
 */
export function nextRotation(facts: RotationFacts): PlannedRotation | undefined {
  const own = wanted(facts).filter(({ what }) => !facts.shared?.includes(what));
  const planned = own.map(({ what, dueAt, because }) => {
    const failedAt = facts.failedAt[what];
    const notBefore = failedAt && after(failedAt, TRY_AGAIN_AFTER);
    return { what, because, dueAt: notBefore && notBefore > dueAt ? notBefore : dueAt };
  });
  const first = earliest(planned.map(({ dueAt }) => dueAt));
  return planned.find(({ dueAt }) => dueAt === first);
}
