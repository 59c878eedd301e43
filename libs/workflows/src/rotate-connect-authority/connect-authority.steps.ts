import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { secretOwnerOf } from '@managed-consul/clusters';
import { SecretValue } from '@managed-consul/config';
import type { ConnectRoots } from '@managed-consul/consul';
import { TerminalError } from '@managed-consul/errors';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { consulOnEveryServer, consulOnLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';

const WAITING = 'connect-authority-key/';

/** Of the operation: a key that an earlier rotation has left may be in force already, and would change nothing. */
const newKeyPurpose = ({ operation }: Step): string => `${WAITING}${operation.id}`;

const BUILT_IN_PROVIDER = 'consul';

/** Only Consul's own authority can be renewed by the service; one of the customer's is the customer's. */
export async function confirmMeshAuthorityIsOurs(step: Step) {
  const { connectAuthority } = await consulOnLeader(step);
  const provider = await connectAuthority.provider();
  if (provider !== BUILT_IN_PROVIDER) {
    const sentence = `The mesh of this cluster is signed by "${provider}", which the service does not look after. Renew its authority there.`;
    throw new TerminalError('ConnectAuthorityIsExternal', sentence);
  }
  return done({ previousRootId: (await connectAuthority.roots()).ActiveRootID });
}

/** Sealed before Consul hears of it: the same key given twice makes one root. */
export async function storeNewMeshKey(step: Step) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = new SecretValue(privateKey.export({ type: 'sec1', format: 'pem' }).toString());
  await step.secrets.putIfAbsent(secretOwnerOf(step.cluster.id), newKeyPurpose(step), pem);
  return done();
}

/** Consul makes a new root, has the old one sign it too, and signs with the new one from then on. */
export async function startNewMeshRoot(step: Step) {
  const { cluster, secrets } = step;
  const { connectAuthority } = await consulOnLeader(step);
  await connectAuthority.rotateTo(await secrets.get(secretOwnerOf(cluster.id), newKeyPurpose(step)));
  return done();
}

/** Whether a server signs with a root that is not `previous`, and still trusts that one. */
const hasMovedOn = ({ ActiveRootID, Roots }: ConnectRoots, previous: string): boolean =>
  ActiveRootID !== previous && Roots.some(({ ID }) => ID === previous);

/** Done when every server names the same new root, and trusts the one before beside it. */
export async function newMeshRootIsActive(step: Step) {
  const { previousRootId } = step.outputOf(confirmMeshAuthorityIsOurs);
  const servers = await consulOnEveryServer(step);
  const seen = await Promise.all(servers.map(({ consul }) => consul.connectAuthority.roots()));
  const moved = seen.every((roots) => hasMovedOn(roots, previousRootId));
  const agreed = new Set(seen.map(({ ActiveRootID }) => ActiveRootID)).size === 1;
  return moved && agreed ? done() : waitFor('The servers are changing to the new authority of the mesh', SERVER_LOOK);
}

const isSignedBy = (pem: string, rootPem: string): boolean =>
  new X509Certificate(pem).verify(new X509Certificate(rootPem).publicKey);

/** Done when each server gives out a service's certificate that the new root has signed. */
export async function newMeshRootSigns(step: Step) {
  const servers = await consulOnEveryServer(step);
  const signed = await Promise.all(
    servers.map(async ({ consul: { connectAuthority } }) => {
      const { Roots } = await connectAuthority.roots();
      const active = Roots.find(({ Active }) => Active);
      // A name of its own: what was signed for another one before may still be kept.
      const { CertPEM } = await connectAuthority.leaf(`managed-consul-proof-${step.operation.id}`);
      return active !== undefined && isSignedBy(CertPEM, active.RootCert);
    }),
  );
  return signed.every(Boolean) ? done() : waitFor('The new authority of the mesh is beginning to sign', SERVER_LOOK);
}

/** Consul keeps the key; the service needs it no more. */
export async function forgetMeshKeys({ cluster }: Step) {
  return done(undefined, async (tx) => {
    await tx.secret.deleteMany({ where: { owner: secretOwnerOf(cluster.id), purpose: { startsWith: WAITING } } });
  });
}
