import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chown, mkdir, readFile, readlink, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { START_AGENT_PROGRAM } from '@managed-consul/agent-protocol';
import { seconds } from '@managed-consul/config';
import { stopProcess } from '../../../../tools/processes/stop-process';
import { userForServers } from '../../../../tools/servers/system-user';
import { until } from '../until';
import { TEST_AUDIENCE, type AgentTestBed, type TestCluster } from './agent-test-bed';
import { startInstanceMetadata, type TestInstance } from './instance-metadata-server';

/** A server machine: its folders as cloud-config and systemd lay them out, its metadata service, and the agent in it. */
export interface TestMachine {
  readonly instance: TestInstance;
  readonly stateFolder: string;
  readonly configurationFolder: string;
  readonly metadataUrl: string;
  /** User that the agent runs as; undefined when tests do not run as root. */
  readonly user: { uid: number; gid: number } | undefined;
  /** Starts the agent the way the unit does, by the start program, as a user other than root. */
  startAgent(): ChildProcess;
  stopAgent(signal?: NodeJS.Signals): Promise<void>;
  agentLog(): Promise<string>;
  /** Stops the agent and whatever it left running. */
  destroy(): Promise<void>;
}

let machines = 0;

/** A loopback address that no other machine of this test run has. */
function nextAddress(): string {
  machines += 1;
  return `127.${100 + (process.pid % 100)}.${(process.pid >> 7) % 250}.${machines + 1}`;
}

export async function createTestMachine(
  bed: AgentTestBed,
  cluster: TestCluster,
  wish: Partial<TestInstance> = {},
): Promise<TestMachine> {
  const vmId = wish.vmId ?? randomUUID();
  const folder = join(bed.folder, `machine-${vmId}`);
  const [stateFolder, configurationFolder] = [join(folder, 'state'), join(folder, 'configuration')];
  const user = userForServers();
  for (const path of [folder, stateFolder, configurationFolder]) await mkdir(path, { recursive: true, mode: 0o755 });
  if (user) await chown(stateFolder, user.uid, user.gid);
  const configuration = { gatewayUrl: bed.gatewayUrl, gatewayAudience: TEST_AUDIENCE, bundleSha256: bed.bundleSha256 };
  await writeFile(join(configurationFolder, 'agent.json'), JSON.stringify(configuration));
  await writeFile(join(configurationFolder, 'gateway-ca.pem'), bed.gatewayCaPem);
  await writeFile(join(folder, 'start-agent.mjs'), START_AGENT_PROGRAM);

  const instance: TestInstance = {
    vmId,
    name: `vm-${vmId.slice(0, 8)}`,
    address: nextAddress(),
    token: (audience) => bed.issuer.issue({ ...cluster, audience }),
    ...wish,
  };
  const metadata = await startInstanceMetadata(instance);
  const logFile = join(folder, 'agent.log');
  let agent: ChildProcess | undefined;
  const stopAgent = async (signal?: NodeJS.Signals) => {
    if (agent) await stopProcess(agent, signal);
    agent = undefined;
  };
  return {
    instance,
    stateFolder,
    configurationFolder,
    metadataUrl: metadata.url,
    user,
    startAgent: () => {
      const environment = {
        STATE_DIRECTORY: stateFolder,
        CONFIGURATION_DIRECTORY: configurationFolder,
        AZURE_POD_IDENTITY_AUTHORITY_HOST: metadata.url,
        // A machine's image trusts the authorities that Azure's services have their certificates of.
        NODE_EXTRA_CA_CERTS: join(configurationFolder, 'gateway-ca.pem'),
        LOG_LEVEL: 'debug',
      };
      const options = { env: environment, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'], ...user };
      const child = spawn(process.execPath, [join(folder, 'start-agent.mjs')], options);
      const log = createWriteStream(logFile, { flags: 'a' });
      child.stdout.pipe(log, { end: false });
      child.stderr.pipe(log, { end: false });
      agent = child;
      return child;
    },
    stopAgent,
    agentLog: () => readFile(logFile, 'utf8').catch(() => ''),
    destroy: async () => {
      await stopAgent();
      await endProcessesIn(stateFolder);
      await metadata.close();
    },
  };
}

/** Ends what runs with its working folder below `folder`, and nothing else. */
async function endProcessesIn(folder: string): Promise<void> {
  const find = async () => {
    const found: number[] = [];
    for (const pid of (await readdir('/proc')).map(Number).filter(Number.isInteger)) {
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      if (cwd.startsWith(`${folder}/`)) found.push(pid);
    }
    return found;
  };
  for (const pid of await find()) process.kill(pid, 'SIGKILL');
  await until(async () => (await find()).length === 0, { within: seconds(10), because: `nothing runs in ${folder}` });
}
