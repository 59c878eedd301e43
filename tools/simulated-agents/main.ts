/**
 * Many agents in one process: the real agent's tunnel and backoff, and answers in its protocol, without a Consul behind. Told by
 * `fleetSchema` on standard input; prints a `FleetReport` a second until it is ended.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { text } from 'node:stream/consumers';
import { AGENT_PROTOCOL_VERSION, type AgentHealth } from '@managed-consul/agent-protocol';
import { seconds } from '@managed-consul/config';
import { Backoff } from '../../apps/server-agent/src/backoff';
import { openTunnel } from '../../apps/server-agent/src/tunnel';
import { fleetSchema, type Fleet, type FleetReport } from './fleet.schema';

/** As the connection keeper has it. */
const STABLE_AFTER = seconds(10);

const fleet = fleetSchema.parse(JSON.parse(await text(process.stdin)));
const report: FleetReport = { connected: 0, failures: {}, losses: {}, answered: 0 };
const stop = new AbortController();

const count = (counts: Record<string, number>, why: string): void => void (counts[why] = (counts[why] ?? 0) + 1);
const nameOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? (error as Error).message;

const HEALTH: AgentHealth = {
  agent: {
    version: 'simulated',
    protocolVersion: AGENT_PROTOCOL_VERSION,
    startedAt: new Date().toISOString(),
    certificateExpiresAt: new Date(Date.now() + seconds(86_400)).toISOString(),
  },
  consul: { running: true, version: '1.8.7', unplannedRestarts: 0 },
  disk: { freeBytes: 1, totalBytes: 1 },
};

function answer(stream: ServerHttp2Stream, path: string | undefined): void {
  stream.on('error', () => undefined);
  stream.respond({ ':status': path === '/v1/health' ? 200 : 404, 'content-type': 'application/json' });
  stream.end(JSON.stringify(HEALTH));
  report.answered += 1;
}

const serve = (session: ServerHttp2Session): void =>
  void session.on('stream', (stream, headers) => answer(stream, headers[':path']));

/** One agent's life, as its connection keeper leads it. */
async function live({ certificatePem }: Fleet['agents'][number], opened: () => void): Promise<void> {
  const { gatewayUrl, gatewayCaPem, keyPem } = fleet;
  const backoff = new Backoff();
  while (!stop.signal.aborted) {
    try {
      const tunnel = await openTunnel({ gatewayUrl, gatewayCaPem, credential: { keyPem, certificatePem }, onSession: serve });
      report.connected += 1;
      opened();
      const openedAt = Date.now();
      const { reason } = await tunnel.ended;
      if (Date.now() - openedAt > STABLE_AFTER) backoff.reset();
      report.connected -= 1;
      count(report.losses, reason);
    } catch (error) {
      count(report.failures, nameOf(error));
    }
    await backoff.wait(stop.signal);
  }
}

const waiting = [...fleet.agents];
const next = (): void => {
  const agent = waiting.shift();
  // Each that is connected lets another one dial.
  let isFirst = true;
  const opened = (): void => {
    if (isFirst) next();
    isFirst = false;
  };
  if (agent) void live(agent, opened);
};
for (let lane = 0; lane < fleet.dialledAtOnce; lane += 1) next();
setInterval(() => console.log(JSON.stringify(report)), seconds(1));
