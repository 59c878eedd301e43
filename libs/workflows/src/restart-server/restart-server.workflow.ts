import { OPERATION_KINDS } from '@managed-consul/clusters';
import { minutes } from '@managed-consul/config';
import { action, condition, defineWorkflow, forEachServer } from '@managed-consul/workflow-engine';
import { serverRunsAgain, startServerAgain } from '../repair-cluster/servers.steps';
import type { Services } from '../services';
import { SERVER_RETRY } from '../shared-steps/delays';
import { namedServer } from '../shared-steps/named-server';
import { AFTER_SERVER_IS_BACK, BEFORE_SERVER_GOES_DOWN } from '../shared-steps/rolling';
import { serverIsStopped, stopServer } from './restart.steps';

/** Stops Consul on one server and starts it again, same machine and disk. A server that is left stopped is found and repaired. */
export const restartServer = defineWorkflow<Services>({
  operation: OPERATION_KINDS.restartServer,
  pageOperatorAfter: minutes(60),
  steps: [
    forEachServer(namedServer, [
      ...BEFORE_SERVER_GOES_DOWN,
      action(stopServer, { retry: SERVER_RETRY }),
      condition(serverIsStopped, { within: minutes(5), orFail: 'Consul did not stop on the server.' }),
      action(startServerAgain, { retry: SERVER_RETRY }),
      condition(serverRunsAgain, { within: minutes(10), orFail: 'Consul did not start on the server again.' }),
      AFTER_SERVER_IS_BACK,
    ]),
  ],
});
