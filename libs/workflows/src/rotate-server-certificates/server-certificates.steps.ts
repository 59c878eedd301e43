import { secretOwnerOf } from '@managed-consul/clusters';
import { done, type Done } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { serverIsAsTold, tellServer } from '../shared-steps/renewal.steps';
import { followersFirst } from '../shared-steps/rolling';
import { issueServerCertificate, recordServerCertificate } from '../shared-steps/server-certificates';
import { serverOfItem } from '../shared-steps/server-of-item';
import { certificateAuthority, serverCertificatePurpose } from '../shared-steps/server-secrets';

/** Plan of `forEachServer`: vmIds, the leader's last. */
export const serversForNewCertificates = (step: Step): Promise<string[]> => followersFirst(step);

/** The machine makes a new key beside the one in force, and changes to it together with the certificate. */
export async function issueNewCertificate(step: Step) {
  const server = serverOfItem(step);
  const certificate = await issueServerCertificate(step, await certificateAuthority(step), server, step.operation.id);
  return done(undefined, (tx) => recordServerCertificate(tx, step.cluster, server, certificate));
}

export const tellServerNewCertificate = (step: Step): Promise<Done<undefined>> => tellServer(step);

/**
 * Done when the server shows the new certificate, which its agent has seen in a handshake, and is a full member. What it showed
 * before is taken from the records; its key is gone from the machine.
 */
export async function serverShowsNewCertificate(step: Step) {
  const result = await serverIsAsTold(step);
  if (result.kind === 'waiting') return result;
  const where = { owner: secretOwnerOf(step.cluster.id), purpose: serverCertificatePurpose(serverOfItem(step).vmId) };
  return done(undefined, async (tx) => {
    await result.record?.(tx);
    const [inForce] = await tx.certificate.findMany({ where, orderBy: [{ notBefore: 'desc' }, { id: 'desc' }], take: 1 });
    if (inForce) await tx.certificate.deleteMany({ where: { ...where, id: { not: inForce.id } } });
  });
}
