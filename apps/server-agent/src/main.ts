import { loadSettings, systemClock } from '@managed-consul/config';
import { startAgent } from './agent';
import { createLog } from './log';
import { serverAgentSettings } from './settings';

const settings = loadSettings(serverAgentSettings);
const log = createLog(settings.LOG_LEVEL);

// What the agent writes is for its own user alone, whatever it was started from.
process.umask(0o077);

const agent = await startAgent({
  stateFolder: settings.STATE_DIRECTORY,
  configurationFolder: settings.CONFIGURATION_DIRECTORY,
  metadataHost: settings.AZURE_POD_IDENTITY_AUTHORITY_HOST,
  allowRoot: settings.ALLOW_CONSUL_AS_ROOT,
  clock: systemClock,
  log,
});
log.info({ pid: process.pid }, 'The agent has started');

const stop = () => {
  void agent.stop().then(
    () => process.exit(0),
    (error: unknown) => {
      log.error({ error }, 'The agent did not stop cleanly');
      process.exit(1);
    },
  );
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
