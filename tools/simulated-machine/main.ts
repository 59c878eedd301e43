/**
 * What a simulated machine runs in the place of the agent's bundle: the agent's own identity, tunnel, API and tasks, with a
 * `SimulatedConsul` behind. Many machines fit where few real Consul servers do. `simulated-consul.json` beside the agent's
 * configuration, which the machine's image may bring, says which versions do not start here.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { agentConfigurationSchema, CONSUL_PROXY_PREFIX } from '@managed-consul/agent-protocol';
import { loadSettings, systemClock } from '@managed-consul/config';
import { AgentApi } from '../../apps/server-agent/src/agent-api';
import { answer, refuse } from '../../apps/server-agent/src/answers';
import { ensureFolder } from '../../apps/server-agent/src/atomic-file';
import { ConnectionKeeper } from '../../apps/server-agent/src/connection-keeper';
import { ConsulFolder } from '../../apps/server-agent/src/consul-folder';
import type { ConsulProxy } from '../../apps/server-agent/src/consul-proxy';
import { GatewayCalls } from '../../apps/server-agent/src/gateway-calls';
import { IdentityKeeper } from '../../apps/server-agent/src/identity-keeper';
import { InstanceMetadata } from '../../apps/server-agent/src/instance-metadata';
import { createLog } from '../../apps/server-agent/src/log';
import { serverAgentSettings } from '../../apps/server-agent/src/settings';
import { TaskRunner } from '../../apps/server-agent/src/task-runner';
import { SimulatedConsul } from './simulated-consul';
import { simulationSchema } from './simulation.schema';
import { simulatedTasks } from './simulated-tasks';

const settings = loadSettings(serverAgentSettings);
const log = createLog(settings.LOG_LEVEL);
const clock = systemClock;

const readConfiguration = (name: string) => readFile(join(settings.CONFIGURATION_DIRECTORY, name), 'utf8');
const { gatewayUrl, gatewayAudience: audience } = agentConfigurationSchema.parse(
  JSON.parse(await readConfiguration('agent.json')),
);
const gatewayCaPem = await readConfiguration('gateway-ca.pem');
const { refusedVersions } = simulationSchema.parse(JSON.parse(await readConfiguration('simulated-consul.json')));

const agentFolder = join(settings.STATE_DIRECTORY, 'agent');
await ensureFolder(agentFolder, 0o700);
const folder = new ConsulFolder(join(settings.STATE_DIRECTORY, 'consul'));
await folder.prepare();

const gateway = new GatewayCalls(gatewayUrl, gatewayCaPem);
const metadata = new InstanceMetadata(settings.AZURE_POD_IDENTITY_AUTHORITY_HOST);
const identity = new IdentityKeeper({ folder: agentFolder, gateway, metadata, audience, clock, log });
const onChange = (): void => void connection.announceStateChange();
const supervisor = new SimulatedConsul({ refusedVersions, onChange });

const proxy: Pick<ConsulProxy, 'forward'> = {
  forward: (stream, headers) => {
    stream.on('error', () => undefined);
    const token = headers['x-consul-token'];
    void text(stream).then((body) => {
      const answered = supervisor.answer({
        method: headers[':method'] ?? 'GET',
        path: (headers[':path'] ?? '').slice(CONSUL_PROXY_PREFIX.length),
        token: typeof token === 'string' ? token : undefined,
        body,
      });
      if (answered) answer(stream, answered.status, answered.body);
      else refuse(stream, 503, 'ConsulNotInstalled', 'This machine has no Consul yet.');
    });
  },
};

const tasks = new TaskRunner({ handlers: simulatedTasks(supervisor, metadata), clock, log, onEnd: onChange });
const api = new AgentApi({ supervisor, folder, identity, tasks, proxy, startedAt: clock.now(), log });
const connection = new ConnectionKeeper({
  ...{ gatewayUrl, gatewayCaPem, gateway, identity, log },
  onSession: (session) => api.serve(session),
});
connection.start();
log.info({ pid: process.pid }, 'The simulated machine has started');

const stop = (): void => void Promise.all([tasks.stop(), connection.stop()]).then(() => process.exit(0));
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
