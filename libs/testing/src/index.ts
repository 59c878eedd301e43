/**
 * What tests share: a database and a Redis of their own, the real Consul program, a clock that is moved by hand, and waiting
 * for a condition. Never imported by production code.
 */
export { AppTokenIssuer } from './app-token-issuer';
export { seedCatalogue } from './catalogue';
export { consulBinary } from './consul-binary';
export { parseExposition, type Exposition } from './exposition';
export { FakeClock } from './fake-clock';
export { startOwnRedis, type OwnRedis } from './own-redis';
export { RowBench } from './row-bench';
export { createTestDatabase, testRedisUrl, type TestDatabase } from './test-servers';
export { until } from './until';
export * from './workflow-harness';
export { definePerformance, type Figure, type PerformanceDefinition, type PerformanceRun } from './define-performance';
export {
  apply,
  changedState,
  createAgentTestBed,
  createTestMachine,
  newCertificateRequest,
  startTestBlobStorage,
  TEST_AUDIENCE,
  TestConsulCluster,
  type AgentTestBed,
  type GatewayProcess,
  type TestBlobStorage,
  type TestCluster,
  type TestMachine,
  type TestServer,
} from './agents';
export { readExportedSpans, startSpanCollector, type CollectedSpan, type SpanCollector } from './span-collector';
