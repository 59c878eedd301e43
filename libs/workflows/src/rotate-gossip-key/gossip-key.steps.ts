import { randomBytes } from 'node:crypto';
import { nextPurpose, recordClusterEvent, SECRET_PURPOSES, secretOwnerOf } from '@managed-consul/clusters';
import { SecretValue } from '@managed-consul/config';
import { everyMemberKnows, everyMemberUses, otherKeys, type ConsulMember, type KeyRing } from '@managed-consul/consul';
import type { Transaction } from '@managed-consul/database';
import { done, waitFor } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { consulOnLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';

const GOSSIP_KEY_BYTES = 32;
const NEXT = nextPurpose(SECRET_PURPOSES.gossipKey);

const newKey = ({ secrets, cluster }: Step): Promise<SecretValue> => secrets.get(secretOwnerOf(cluster.id), NEXT);
const keyInForce = ({ secrets, cluster }: Step): Promise<SecretValue> =>
  secrets.get(secretOwnerOf(cluster.id), SECRET_PURPOSES.gossipKey);

/** Sealed before any member hears of it. One that an earlier rotation left is taken up: members may know it already. */
export async function storeNewGossipKey({ cluster, secrets }: Step) {
  await secrets.putIfAbsent(secretOwnerOf(cluster.id), NEXT, new SecretValue(randomBytes(GOSSIP_KEY_BYTES).toString('base64')));
  return done();
}

export async function installNewGossipKey(step: Step) {
  const { keyring } = await consulOnLeader(step);
  await keyring.install(await newKey(step));
  return done();
}

/** Done when servers and clients alike know the new key; from then on they understand whoever uses it. */
export async function everyMemberKnowsNewKey(step: Step) {
  const { keyring } = await consulOnLeader(step);
  const key = await newKey(step);
  if (everyMemberKnows(await keyring.rings(), key)) return done();
  // Whoever has joined since the key was given out knows the old one only.
  await keyring.install(key);
  return waitFor('The machines are learning the new gossip key', SERVER_LOOK);
}

const MOST_NAMES = 20;

function awayText(away: readonly ConsulMember[]): string {
  const names = away.slice(0, MOST_NAMES).map(({ name }) => name);
  const more = away.length > MOST_NAMES ? ` and ${away.length - MOST_NAMES} more` : '';
  return `These machines are away and cannot join again with their gossip key: ${names.join(', ')}${more}. Give them the new client bundle.`;
}

/** Members that have failed cannot be reached with the new key; the customer is told their names. */
export async function tellOfAbsentMembers(step: Step) {
  const members = await (await consulOnLeader(step)).members();
  const away = members.filter(({ state }) => state === 'failed');
  return done(undefined, async (tx) => {
    if (away.length === 0) return;
    const { cluster, operation } = step;
    const event = { type: 'GossipKeyMembersAway', message: awayText(away) };
    await recordClusterEvent(tx, { clusterId: cluster.id, operationId: operation.id, ...event });
  });
}

export async function useNewGossipKey(step: Step) {
  const { keyring } = await consulOnLeader(step);
  await keyring.use(await newKey(step));
  return done();
}

/** Where a version does not tell what its members use, their word that they changed has to do: it is asked for once more. */
async function usesKey(step: Step, key: SecretValue): Promise<boolean> {
  const { keyring } = await consulOnLeader(step);
  const rings = await keyring.rings();
  if (everyMemberUses(rings, key)) return true;
  await keyring.use(key);
  return rings.every(({ PrimaryKeys }) => PrimaryKeys.size === 0);
}

/** Done when every member encrypts with the new key. */
export async function everyMemberUsesNewKey(step: Step) {
  return (await usesKey(step, await newKey(step)))
    ? done()
    : waitFor('The machines are changing to the new gossip key', SERVER_LOOK);
}

const putInForce = async ({ cluster, secrets }: Step, key: SecretValue, tx: Transaction): Promise<void> => {
  await secrets.put(secretOwnerOf(cluster.id), SECRET_PURPOSES.gossipKey, key, tx);
  await secrets.delete(secretOwnerOf(cluster.id), NEXT, tx);
};

/** From here on client bundles and new servers carry the new key. */
export async function recordNewGossipKey(step: Step) {
  await step.secrets.prepareOwner(secretOwnerOf(step.cluster.id));
  const key = await newKey(step);
  return done(undefined, (tx) => putInForce(step, key, tx));
}

/** Every other key goes, also one that a rotation that failed has left. A member that still encrypts with one refuses. */
export async function removeOtherGossipKeys(step: Step) {
  const { keyring } = await consulOnLeader(step);
  const key = await keyInForce(step);
  // A server that was away when the others changed, and has come back since, still encrypts with the old one.
  await keyring.use(key);
  for (const old of otherKeys(await keyring.rings(), key)) await keyring.remove(new SecretValue(old));
  return done();
}

/** Done when no member knows any key but the new one. */
export async function onlyNewGossipKeyIsKnown(step: Step) {
  const { keyring } = await consulOnLeader(step);
  const key = await keyInForce(step);
  const rings = await keyring.rings();
  const others = otherKeys(rings, key);
  if (others.length === 0 && everyMemberKnows(rings, key)) return done();
  for (const old of others) await keyring.remove(new SecretValue(old));
  return waitFor('The machines are forgetting the previous gossip key', SERVER_LOOK);
}

const isUsed = (rings: readonly KeyRing[], key: SecretValue): boolean =>
  rings.some(({ PrimaryKeys }) => PrimaryKeys.has(key.reveal()));

/** After a failure: what the members use is the key in force, so that bundles and new servers carry one that they understand. */
export async function recordGossipKeyInForce(step: Step) {
  const owner = secretOwnerOf(step.cluster.id);
  const key = await step.secrets.find(owner, NEXT);
  if (!key) return done();
  const { keyring } = await consulOnLeader(step);
  if (!isUsed(await keyring.rings(), key)) return done();
  await keyring.use(key);
  await step.secrets.prepareOwner(owner);
  return done(undefined, (tx) => putInForce(step, key, tx));
}
