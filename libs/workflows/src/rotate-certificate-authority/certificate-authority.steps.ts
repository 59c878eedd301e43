import { CERTIFICATE_PURPOSES, nextPurpose, SECRET_PURPOSES, secretOwnerOf } from '@managed-consul/clusters';
import type { Transaction } from '@managed-consul/database';
import {
  createCertificateAuthority,
  maySignSuccessor,
  recordCertificate,
  signSuccessor,
  type CertificateAuthority,
} from '@managed-consul/secrets';
import { done } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { serverIsAsTold, tellServer } from '../shared-steps/renewal.steps';
import { followersFirst } from '../shared-steps/rolling';
import { AUTHORITY_LIFETIME, certificateAuthority } from '../shared-steps/server-secrets';

const NEXT_KEY = nextPurpose(SECRET_PURPOSES.certificateAuthorityKey);
const { nextAuthority, previousAuthority, crossSignedAuthority, nextCrossSignedAuthority } = CERTIFICATE_PURPOSES;

/** Of another name than the one before: programs that know authorities by name only must not mix them up. */
const makeSuccessor = ({ cluster, operation, clock }: Step) =>
  createCertificateAuthority({
    commonName: `${cluster.name} Consul CA ${operation.id.slice(-8)}`,
    now: clock.now(),
    lifetimeMs: AUTHORITY_LIFETIME,
    signsSuccessor: true,
  });

/** An authority from before it was made to sign its successor cannot: then clients need the new bundle earlier. */
const crossSign = async (present: CertificateAuthority, successorPem: string) =>
  maySignSuccessor(present.certificatePem) ? signSuccessor(present, successorPem) : undefined;

/**
 * Makes the new authority and lets the present one sign it. One that an earlier rotation left is taken up, and so is one that
 * already signs while the one before is still trusted: clients were promised that they can go from one to the next.
 */
export async function ensureNextAuthority(step: Step) {
  const { cluster, database, secrets } = step;
  const owner = secretOwnerOf(cluster.id);
  if ((await database.prisma.certificate.count({ where: { owner, purpose: previousAuthority } })) > 0) return done();
  const present = await certificateAuthority(step);
  const successor = await makeSuccessor(step);
  const crossSigned = await crossSign(present, successor.certificatePem);
  await secrets.prepareOwner(owner);
  return done(undefined, async (tx) => {
    // Key and certificates belong together: all or none, and never a second set.
    const kept = await secrets.putIfAbsent(owner, NEXT_KEY, successor.keyPem, tx);
    if (kept.reveal() !== successor.keyPem.reveal()) return;
    await recordCertificate(tx, owner, nextAuthority, successor.issued);
    if (crossSigned) await recordCertificate(tx, owner, nextCrossSignedAuthority, crossSigned);
  });
}

/** Plan of `forEachServer`. */
export const serversToTrustBoth = (step: Step): Promise<string[]> => followersFirst(step);

export const tellServerToTrustBoth = (step: Step) => tellServer(step);

export const serverTrustsBoth = (step: Step) => serverIsAsTold(step);

const move = (tx: Transaction, owner: string, purpose: string, to: string) =>
  tx.certificate.updateMany({ where: { owner, purpose }, data: { purpose: to } });

/** From here on the new authority signs. The old one's key is destroyed with it: nothing can be signed with it any more. */
export async function putNextAuthorityInForce({ cluster, secrets }: Step) {
  const owner = secretOwnerOf(cluster.id);
  const key = await secrets.find(owner, NEXT_KEY);
  if (!key) return done();
  return done(undefined, async (tx) => {
    await move(tx, owner, CERTIFICATE_PURPOSES.certificateAuthority, previousAuthority);
    await move(tx, owner, nextAuthority, CERTIFICATE_PURPOSES.certificateAuthority);
    await tx.certificate.deleteMany({ where: { owner, purpose: crossSignedAuthority } });
    await move(tx, owner, nextCrossSignedAuthority, crossSignedAuthority);
    await secrets.put(owner, SECRET_PURPOSES.certificateAuthorityKey, key, tx);
    await secrets.delete(owner, NEXT_KEY, tx);
  });
}

/** No server shows a certificate of the old authority any more: new bundles and servers trust only the new one. */
export async function dropPreviousAuthority({ cluster }: Step) {
  return done(undefined, async (tx) => {
    await tx.certificate.deleteMany({ where: { owner: secretOwnerOf(cluster.id), purpose: previousAuthority } });
  });
}

/** Plan of `forEachServer`. */
export const serversToTrustOnlyNew = (step: Step): Promise<string[]> => followersFirst(step);

export const tellServerToTrustOnlyNew = (step: Step) => tellServer(step);

export const serverTrustsOnlyNew = (step: Step) => serverIsAsTold(step);
