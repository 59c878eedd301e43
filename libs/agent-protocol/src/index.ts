/**
 * What gateway, server agent and control plane say to each other: the messages (zod, versioned), where each agent is
 * connected (`PresenceDirectory`), how a worker speaks to one (`AgentClient`), and what a new machine is told
 * (`renderCloudConfig`). Knows no database, no cluster rules and not what a desired state is for.
 */
export * from './messages.schema';
export * from './task.schema';
export { DIAGNOSTICS, DIAGNOSTICS_PATH, type Diagnostic, type DiagnosticKind } from './diagnostics.schema';
export { desiredStateIsIntact, hashOfJson, sealDesiredState } from './desired-state';
export { agentIdentityUri, parseAgentIdentityUri, type AgentIdentity } from './agent-identity';
export { PRESENCE_REFRESH, PresenceDirectory, type AgentPresence } from './presence';
export { AgentRefusal, createAgentClient, type Agent, type AgentClient, type ConsulRequest } from './agent-client';
export { renderCloudConfig, type CloudConfigInput } from './cloud-config';
export { START_AGENT_PROGRAM } from './start-agent-program';
