import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { followOperation, type StepEvent } from './operation-stream';

const event = (id: number, name: string, data: object) => `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const step = (name: string, state: string) => ({ name, item: '', state, waitingFor: null, error: null });

async function follow(answers: ((response: ServerResponse) => void)[]) {
  const resumedFrom: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    resumedFrom.push(request.headers['last-event-id'] as string | undefined);
    answers.shift()?.(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const steps: StepEvent[] = [];
  const ended = await followOperation({
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    operationId: 'one',
    token: async () => 'token',
    onStep: (seen) => steps.push(seen),
    signal: AbortSignal.timeout(20_000),
  }).finally(() => server.close());
  return { ended, resumedFrom, steps: steps.map(({ name, state }) => `${name} ${state}`) };
}

it('takes a broken stream up again behind the last event that arrived', async () => {
  const result = await follow([
    (response) => {
      response.write(event(1, 'step', step('a', 'Succeeded')));
      response.write('id: 2\nevent: st', () => response.destroy());
    },
    (response) => response.writeHead(503).end(),
    (response) =>
      response.end(event(2, 'step', step('b', 'Succeeded')) + event(3, 'operation', { status: 'Succeeded', error: null })),
  ]);
  expect(result).toEqual({
    ended: { status: 'Succeeded', error: null },
    resumedFrom: [undefined, '1', '1'],
    steps: ['a Succeeded', 'b Succeeded'],
  });
});

it('gives up when the API refuses', async () => {
  await expect(follow([(response) => response.writeHead(404).end()])).rejects.toThrow('The API answered 404');
});
