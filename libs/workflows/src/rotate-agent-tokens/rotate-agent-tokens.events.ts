import { OPERATION_KINDS } from '@managed-consul/clusters';
import type { OperationEvents } from '../operation-events';

export const rotateAgentTokensEvents: OperationEvents = {
  operation: OPERATION_KINDS.rotateAgentTokens,
  name: 'AgentTokensRotation',
  started: "The service has begun to renew the servers' agent tokens.",
  Succeeded: 'Every server works with its new agent token; the ones before are revoked.',
  Failed: 'The agent tokens could not be renewed; the cluster works on. Ask for it again when the reason is gone.',
  Canceled: 'Renewing the agent tokens was stopped; the cluster works on.',
};
