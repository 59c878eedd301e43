import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agentConfigurationSchema } from '@managed-consul/agent-protocol';
import type { Clock, Milliseconds } from '@managed-consul/config';
import { AgentApi } from './agent-api';
import { ensureFolder } from './atomic-file';
import { ConnectionKeeper } from './connection-keeper';
import { ConsulBinaries } from './consul-binary';
import { ConsulFolder } from './consul-folder';
import { ConsulProcess } from './consul-process';
import { ConsulProxy } from './consul-proxy';
import { ConsulSupervisor } from './consul-supervisor';
import { DesiredStateApplier } from './desired-state-applier';
import { GatewayCalls } from './gateway-calls';
import { IdentityKeeper } from './identity-keeper';
import { InstanceMetadata } from './instance-metadata';
import type { Log } from './log';
import { StateFile } from './state-file';
import { createTaskHandlers } from './task-handlers';
import { TaskRunner } from './task-runner';
import { WorkFolder } from './work-folder';

export interface AgentOptions {
  stateFolder: string;
  configurationFolder: string;
  metadataHost: string;
  allowRoot: boolean;
  clock: Clock;
  log: Log;
  renewalCheck?: Milliseconds;
  lookInterval?: Milliseconds;
}

export interface RunningAgent {
  /** Ends the agent; the Consul that it looks after runs on. */
  stop(): Promise<void>;
}

/** Puts the agent together and starts it. Throws when the machine's configuration cannot be used. */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { clock, log } = options;
  const configuration = agentConfigurationSchema.parse(
    JSON.parse(await readFile(join(options.configurationFolder, 'agent.json'), 'utf8')),
  );
  const gatewayCaPem = await readFile(join(options.configurationFolder, 'gateway-ca.pem'), 'utf8');
  const { gatewayUrl, gatewayAudience: audience } = configuration;
  const agentFolder = join(options.stateFolder, 'agent');
  await ensureFolder(agentFolder, 0o700);

  const gateway = new GatewayCalls(gatewayUrl, gatewayCaPem);
  const metadata = new InstanceMetadata(options.metadataHost);
  const identity = new IdentityKeeper({ folder: agentFolder, gateway, metadata, audience, clock, log });
  const folder = new ConsulFolder(join(options.stateFolder, 'consul'));
  const files = new StateFile(agentFolder);
  const process = new ConsulProcess(folder, agentFolder);
  const binaries = new ConsulBinaries({ folder: folder.at('bin'), gatewayUrl, gatewayCaPem, log });
  const applier = new DesiredStateApplier({ folder, files, binaries, process, allowRoot: options.allowRoot, log });
  const onChange = () => void connection.announceStateChange();
  const look = options.lookInterval === undefined ? {} : { lookInterval: options.lookInterval };
  const supervisor = new ConsulSupervisor({ folder, files, process, applier, clock, log, onChange, ...look });
  const work = new WorkFolder(join(agentFolder, 'work'));
  await work.clear();
  const tasks = new TaskRunner({
    handlers: createTaskHandlers({ supervisor, folder, binaries, work, metadata }),
    clock,
    log,
    onEnd: onChange,
  });
  const api = new AgentApi({ supervisor, folder, identity, tasks, proxy: new ConsulProxy(), startedAt: clock.now(), log });
  const connection = new ConnectionKeeper({
    gatewayUrl,
    gatewayCaPem,
    gateway,
    identity,
    onSession: (session) => api.serve(session),
    log,
    ...(options.renewalCheck === undefined ? {} : { renewalCheck: options.renewalCheck }),
  });

  const stopping = new AbortController();
  await supervisor.start();
  if (configuration.consulSha256 && !(await files.readLaunch())) binaries.fetchEarly(configuration.consulSha256, stopping.signal);
  connection.start();
  return {
    stop: async () => {
      stopping.abort(new Error('The agent stops.'));
      await tasks.stop();
      await connection.stop();
      await supervisor.stop();
    },
  };
}
