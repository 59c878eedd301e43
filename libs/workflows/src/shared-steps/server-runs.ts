import type { Server } from '@managed-consul/database';
import { TerminalError } from '@managed-consul/errors';
import type { Step } from '../services';
import { desiredStateOf, type ServerWish } from './server-desired-state';

/** What an agent will say again, however often it is asked: the wish itself cannot be carried out. */
const FINAL_PROBLEMS: readonly string[] = [
  'ArtifactMismatch',
  'CertificateInvalid',
  'ConfigurationInvalid',
  'PlatformUnsupported',
  'RefusedAsRoot',
];

/** Tells a server's agent what the server is to be. Gives the hash by which the agent will say that it is so. */
export async function askOf(step: Step, wish: ServerWish): Promise<string> {
  const [agent, desired] = await Promise.all([step.agents.find(step.cluster.id, wish.server.vmId), desiredStateOf(step, wish)]);
  await agent.applyDesiredState(desired, step.signal);
  return desired.hash;
}

function notStarted(server: Server, error: { code: string; message: string } | undefined): TerminalError {
  const sentence = `Consul could not be started on ${server.name}. This is a fault of the service; name the operation to support.`;
  return new TerminalError('ServerNotStarted', sentence, new Error(`${error?.code}: ${error?.message}`));
}

/**
 * Whether a server is what was asked for. One that failed for a passing reason is asked again, after `beforeAsking`, which throws
 * when the server must not be touched now; one that cannot ends the operation.
 */
export async function isAsAsked(
  step: Step,
  wish: ServerWish,
  wantedHash: string | undefined,
  beforeAsking: () => Promise<void> = async () => undefined,
): Promise<boolean> {
  const agent = await step.agents.find(step.cluster.id, wish.server.vmId);
  const { phase, desiredHash, appliedHash, consul, error } = await agent.state(step.signal);
  const hasFailed = phase === 'failed' && desiredHash === wantedHash;
  if (hasFailed && FINAL_PROBLEMS.includes(error?.code ?? '')) throw notStarted(wish.server, error);
  // An agent that has lost its wish with its disk is told again as well.
  if (hasFailed || desiredHash !== wantedHash) {
    await beforeAsking();
    await agent.applyDesiredState(await desiredStateOf(step, wish), step.signal);
  }
  return appliedHash === wantedHash && (consul.running || !wish.running);
}
