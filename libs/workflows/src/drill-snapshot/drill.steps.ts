import { TerminalError } from '@managed-consul/errors';
import { DRILL_FAILED } from '@managed-consul/snapshots';
import { done, waitFor } from '@managed-consul/workflow-engine';
import { z } from 'zod';
import type { Step } from '../services';
import { connectedServer } from '../shared-steps/agent-task';
import { findLeader } from '../shared-steps/consul-access';
import { SERVER_LOOK } from '../shared-steps/delays';
import { driveDrill } from '../shared-steps/drill';
import { findSnapshot } from '../shared-steps/snapshot-storage';
import { speaksAgainstSnapshot } from './drill-verdict';

const inputSchema = z.object({ snapshotId: z.uuid() });
const snapshotIdOf = ({ operation }: Pick<Step, 'operation'>): string => inputSchema.parse(operation.input).snapshotId;

/** The proof needs a machine and memory for the state a second time: a follower has more of both to spare. */
export async function chooseServerForDrill(step: Step) {
  const { cluster } = step;
  const snapshot = await findSnapshot(step, snapshotIdOf(step));
  if (snapshot.state !== 'VERIFIED')
    throw new TerminalError('SnapshotNotVerified', `The snapshot '${snapshot.name}' is ${snapshot.state}.`);
  if (cluster.serverRecords.length === 0 || cluster.powerState === 'Suspended')
    throw new TerminalError('ClusterNotReady', 'The cluster has no server that runs and could prove the snapshot.');
  const leader = await findLeader(step);
  const follower = cluster.serverRecords.find(({ id }) => id !== leader?.id);
  return done({ vmId: (await connectedServer(step, follower?.vmId)).vmId });
}

/** What is remembered of a drill; shown with the snapshot and its cluster. */
interface DrillOutcome {
  at: string;
  passed: boolean;
  message: string;
  keys: number;
  services: number;
  tokens: number;
  /** Milliseconds. */
  took: number;
}

/** Why there is no outcome. */
interface NotPossible {
  notPossible: string;
}

const NOTHING = { keys: 0, services: 0, tokens: 0, took: 0 };

async function look(step: Step): Promise<Omit<DrillOutcome, 'at'> | NotPossible | undefined> {
  const { cluster, operation, outputOf } = step;
  const snapshot = await findSnapshot(step, snapshotIdOf(step));
  const consulVersion = snapshot.consulVersion ?? cluster.consulVersion;
  try {
    const server = await connectedServer(step, outputOf(chooseServerForDrill).vmId);
    const found = await driveDrill(step, server, { snapshot, consulVersion, work: operation.id });
    if (!found) return undefined;
    const { keys, services, aclTokens, tookMilliseconds } = found;
    const message = `A server of its own was restored from it and read: ${keys} keys, ${services.length} services, ${aclTokens.length} tokens.`;
    return { passed: true, message, keys, services: services.length, tokens: aclTokens.length, took: tookMilliseconds };
  } catch (error) {
    if (!(error instanceof TerminalError)) throw error;
    if (!speaksAgainstSnapshot(error.code)) return { notPossible: error.publicMessage };
    return { passed: false, message: error.publicMessage, ...NOTHING };
  }
}

/**
 * Done when the proof has ended, one way or the other; what came of it stays with the snapshot. A proof that could not be made
 * leaves what was known before.
 */
export async function drillHasEnded(step: Step) {
  const outcome = await look(step);
  if (!outcome) return waitFor('A server restores the snapshot aside and reads it', SERVER_LOOK);
  if ('notPossible' in outcome) return done({ isTried: false, passed: false, message: outcome.notPossible });
  const lastDrill: DrillOutcome = { at: step.clock.now().toISOString(), ...outcome };
  return done({ isTried: true, passed: outcome.passed, message: outcome.message }, async (tx) => {
    await tx.snapshot.update({ where: { id: snapshotIdOf(step) }, data: { lastDrill: { ...lastDrill } } });
  });
}

/** A snapshot that does not stand the proof is news that nobody may miss: the operation fails with it. */
export async function confirmDrillPassed({ outputOf }: Step) {
  const { isTried, passed, message } = outputOf(drillHasEnded);
  if (!isTried) throw new TerminalError('DrillNotPossible', `The snapshot could not be tried. ${message}`);
  if (!passed) throw new TerminalError(DRILL_FAILED, `The snapshot did not stand the proof. ${message}`);
  return done();
}
