/** Gateways, machines and agents for tests: real processes, real TLS, real signatures. */
export { createAgentTestBed, newCertificateRequest, TEST_AUDIENCE, type AgentTestBed, type TestCluster } from './agent-test-bed';
export type { GatewayProcess } from './gateway-process';
export { createTestMachine, type TestMachine } from './test-machine';
export { startTestBlobStorage, type TestBlobStorage } from './test-blob-storage';
export { apply, changedState, TestConsulCluster, type TestServer } from './test-consul-cluster';
