import http from 'node:http';
import type { RoomEventName, RoomEvents } from '../../src/contracts/events.ts';
import { Following } from './following.ts';
import type { Served } from './test-user.ts';

/** How a stream is opened. */
export interface StreamOptions {
  /** How a client that comes back tells where it was; default: the header of a reconnecting EventSource. */
  resume?: 'header' | 'query';
  /** Further parameters. */
  query?: Record<string, string>;
}

/** One device of a user on the SSE mirror: it remembers the last event's id, and what it knows, over reconnects. */
export class EventStreamClient extends Following {
  lastEventId: string | undefined;
  /** `: heartbeat` lines. */
  heartbeats = 0;
  /** The stream has ended, from the other side. */
  ended = false;
  #response: http.IncomingMessage | undefined;

  /** Opens the stream of a session on any process; where it was there before, it resumes. */
  async open({ url }: Served, sessionId: string, options: StreamOptions = {}): Promise<void> {
    this.cut();
    const { resume = 'header', query } = options;
    const parameters = new URLSearchParams(query);
    const headers: Record<string, string> = { authorization: `Bearer ${this.user.token}` };
    if (this.lastEventId !== undefined) {
      if (resume === 'header') headers['last-event-id'] = this.lastEventId;
      else parameters.set('after', this.lastEventId);
    }
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const target = `${url}/sse/sessions/${sessionId}/stream?${parameters}`;
      http.get(target, { headers, agent: false }, resolve).once('error', reject);
    });
    if (response.statusCode !== 200) {
      const body = (await response.setEncoding('utf8').toArray()).join('');
      throw new Error(`the stream was refused: ${response.statusCode} ${body}`);
    }
    this.#response = response;
    this.ended = false;
    this.#read(response);
  }

  /** Breaks the connection off; what was on its way is lost. */
  cut(): void {
    const response = this.#response;
    this.#response = undefined;
    response?.destroy();
  }

  /** Stops reading from the network, or reads again. */
  stopReading(): void {
    this.#response?.socket.pause();
  }

  readAgain(): void {
    this.#response?.socket.resume();
  }

  override get summary(): string {
    return `${super.summary}\nlast id ${this.lastEventId}, ended: ${this.ended}`;
  }

  #read(response: http.IncomingMessage): void {
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) if (this.#response === response) this.#take(block);
    });
    response.on('error', () => {});
    response.once('close', () => {
      if (this.#response !== response) return;
      this.ended = true;
      this.wake();
    });
  }

  #take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
      if (name === '') this.heartbeats += 1;
      fields.set(name, value);
    }
    const [event, data] = [fields.get('event'), fields.get('data')];
    if (event !== undefined && data !== undefined) {
      this.transcript.apply(event as RoomEventName, JSON.parse(data) as RoomEvents[RoomEventName]);
    }
    this.lastEventId = fields.get('id') ?? this.lastEventId;
    this.wake();
  }
}
