/** Follows an operation by the API's stream of server-sent events. */

export interface StepEvent {
  name: string;
  item: string;
  state: string;
  waitingFor: string | null;
  error: { code: string; message: string } | null;
}

export interface OperationEnd {
  status: string;
  error: { code: string; message: string } | null;
}

interface ServerSentEvent {
  id: string | undefined;
  name: string;
  data: string;
}

function parseEvent(block: string): ServerSentEvent {
  const event: ServerSentEvent = { id: undefined, name: 'message', data: '' };
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, '');
    const field = line.slice(0, colon);
    if (field === 'id') event.id = value;
    if (field === 'event') event.name = value;
    if (field === 'data') event.data += value;
  }
  return event;
}

async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true }).replaceAll('\r\n', '\n');
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

interface FollowOptions {
  apiUrl: string;
  operationId: string;
  token(): Promise<string>;
  onStep(step: StepEvent): void;
  signal: AbortSignal;
}

const TERMINAL = ['Succeeded', 'Failed', 'Canceled'];
const PAUSE_BEFORE_RESUMING = 500;

/** The API will not show the operation, however often it is asked. */
class StreamRefused extends Error {}

async function openStream(options: FollowOptions, lastEventId: string | undefined): Promise<ReadableStream<Uint8Array>> {
  const response = await fetch(`${options.apiUrl}/v1/operations/${options.operationId}/events`, {
    headers: {
      accept: 'text/event-stream',
      authorization: `Bearer ${await options.token()}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    signal: options.signal,
  });
  const { status, body } = response;
  if (status >= 400 && status < 500) throw new StreamRefused(`The API answered ${status} to the event stream.`);
  if (!response.ok || body === null) throw new Error(`The API answered ${status} to the event stream.`);
  return body;
}

/**
 * Gives how the operation ended, and each step as it changes. A broken stream is taken up again behind the last event that
 * arrived, so a restart of the API is not seen.
 */
export async function followOperation(options: FollowOptions): Promise<OperationEnd> {
  let lastEventId: string | undefined;
  for (;;) {
    try {
      for await (const event of eventsOf(await openStream(options, lastEventId))) {
        lastEventId = event.id ?? lastEventId;
        if (event.name === 'step') options.onStep(JSON.parse(event.data) as StepEvent);
        if (event.name !== 'operation') continue;
        const end = JSON.parse(event.data) as OperationEnd;
        if (TERMINAL.includes(end.status)) return end;
      }
    } catch (error) {
      if (options.signal.aborted || error instanceof StreamRefused) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_BEFORE_RESUMING));
  }
}
