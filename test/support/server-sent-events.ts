import http from 'node:http';

/** One event as it came. */
export interface ReceivedEvent {
  event: string;
  id: string | undefined;
  /** Parsed, where it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it, whatever it is.
  data: any;
}

/** How a stream is asked for. */
export interface EventRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/** A stream of events that is being read. */
export interface EventReader {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** The next event; undefined after the end. */
  next(): Promise<ReceivedEvent | undefined>;
  /** All that still come. */
  rest(): Promise<ReceivedEvent[]>;
  /** The whole body of what is no stream. */
  text(): Promise<string>;
  /** Breaks the connection off. */
  cut(): void;
}

/** Opens a stream on a connection of its own. */
export async function openEvents(url: string, asked: EventRequest = {}): Promise<EventReader> {
  const { method = 'GET', headers = {}, body } = asked;
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const sent = body === undefined ? headers : { ...headers, 'content-type': 'application/json' };
    const request = http.request(url, { method, headers: sent, agent: false }, resolve);
    request.once('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
  response.setEncoding('utf8');
  const events = read(response);
  const next = async () => {
    const { value } = await events.next();
    return value || undefined;
  };
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    next,
    async rest() {
      const all: ReceivedEvent[] = [];
      for (let event = await next(); event; event = await next()) all.push(event);
      return all;
    },
    text: async () => (await response.toArray()).join(''),
    cut: () => void response.destroy(),
  };
}

async function* read(response: http.IncomingMessage): AsyncGenerator<ReceivedEvent, undefined> {
  let rest = '';
  for await (const chunk of response) {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => line.split(/: ?(.*)/s).slice(0, 2) as [string, string]),
      );
      const data = fields.get('data');
      if (data === undefined) continue;
      yield { event: fields.get('event') ?? 'message', id: fields.get('id'), data: parsed(data) };
    }
  }
  return undefined;
}

function parsed(data: string): unknown {
  return /^[{["\d]/.test(data) && data !== '[DONE]' ? JSON.parse(data) : data;
}
