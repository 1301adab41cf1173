import http from 'node:http';
import type { Problem } from '../../src/contracts/errors.ts';
import { Wakeups } from './wakeups.ts';

/** A server-sent event, its data as a value. */
export interface ReadEvent {
  event: string;
  id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it reads.
  data: any;
}

/** What is asked for. */
export interface SseRequest {
  method?: 'GET' | 'POST' | 'HEAD';
  path: string;
  /** Sent as JSON. */
  body?: object;
  headers?: Record<string, string>;
}

/** One answer of a stream, event by event, whatever its events are. */
export class SseReader {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly events: ReadEvent[] = [];
  /** The stream has ended, from the other side. */
  ended = false;
  readonly #response: http.IncomingMessage;
  readonly #wakeups = new Wakeups(
    () => `${this.status}, ended: ${this.ended}, last: ${JSON.stringify(this.events.slice(-5))}`,
  );

  private constructor(response: http.IncomingMessage) {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
  }

  /** Asks; resolves with the head of the answer. Of a refusal read {@link problem}. */
  static async open({ url, token }: { url: string; token?: string }, request: SseRequest) {
    const { method = 'GET', path, body, headers = {} } = request;
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const options = {
        method,
        agent: false,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
        },
      };
      const sent = http.request(url + path, options, resolve).once('error', reject);
      sent.end(body && JSON.stringify(body));
    });
    const reader = new SseReader(response);
    if (reader.status === 200) reader.#read();
    return reader;
  }

  /** The whole body of a refusal. */
  async problem(): Promise<Problem> {
    return JSON.parse((await this.#response.setEncoding('utf8').toArray()).join('')) as Problem;
  }

  /** The id of the newest event that had one. */
  get lastEventId(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id;
  }

  /** The data of the events of a name, in order. */
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it reads.
  of(event: string): any[] {
    return this.events.filter((each) => each.event === event).map(({ data }) => data);
  }

  /** The names of all events, each run of the same as one. */
  get names(): string[] {
    return this.events.map(({ event }) => event).filter((name, n, all) => name !== all[n - 1]);
  }

  /** Waits for events until the condition holds. */
  until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void> {
    return this.#wakeups.until(what, condition, timeoutMs);
  }

  /** Waits for the end. */
  end(timeoutMs?: number): Promise<void> {
    return this.until('the end of the stream', () => this.ended, timeoutMs);
  }

  /** Breaks the connection off; what was on its way is lost. */
  cut(): void {
    this.#response.destroy();
  }

  #read(): void {
    let rest = '';
    this.#response.setEncoding('utf8');
    this.#response.on('data', (chunk: string) => {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      if (!this.#response.destroyed) for (const block of blocks) this.#take(block);
    });
    this.#response.on('error', () => {});
    this.#response.once('close', () => {
      this.ended = true;
      this.#wakeups.wake();
    });
  }

  #take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
      fields.set(name, value);
    }
    const [event, data] = [fields.get('event'), fields.get('data')];
    if (event === undefined || data === undefined) return;
    this.events.push({ event, id: fields.get('id'), data: JSON.parse(data) });
    this.#wakeups.wake();
  }
}
