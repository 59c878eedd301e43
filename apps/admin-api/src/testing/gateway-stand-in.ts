import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAgentClient, REFUSAL_HEADER, type AgentPresence } from '@managed-consul/agent-protocol';
import { seconds, SecretValue } from '@managed-consul/config';

/** What an agent does with a question: its answer, the code of its refusal, or silence. */
export type AgentReply = { answer: object } | { refusal: string } | 'silence';

/** A gateway as the operators' API sees it, over HTTP: agents that answer diagnostics as they are told to. */
export async function startGatewayStandIn() {
  const token = new SecretValue(randomUUID());
  const replies = new Map<string, AgentReply>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const [, , , vmId = ''] = request.url?.split('/') ?? [];
    asked.push(`${request.method} ${request.url}`);
    const reply = replies.get(vmId);
    if (reply === 'silence' || reply === undefined) return;
    const isAllowed = request.headers.authorization === `Bearer ${token.reveal()}`;
    if (isAllowed && 'answer' in reply) return void response.end(JSON.stringify(reply.answer));
    const code = 'refusal' in reply ? reply.refusal : 'AuthenticationFailed';
    response.writeHead(503, { [REFUSAL_HEADER]: code });
    response.end(JSON.stringify({ error: { code, message: 'gossip-key-in-words' } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const internalUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const find = async (clusterId: string, vmId: string): Promise<AgentPresence | undefined> =>
    replies.has(vmId)
      ? { clusterId, vmId, gatewayId: 'one', internalUrl, connectionId: 'one', connectedAt: new Date(0).toISOString() }
      : undefined;
  return {
    agents: createAgentClient({ presence: { find }, token, answerTimeout: seconds(1) }),
    replies,
    asked,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type GatewayStandIn = Awaited<ReturnType<typeof startGatewayStandIn>>;
