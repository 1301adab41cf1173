import http from 'node:http';
import { expect } from 'chai';
import type { EnhancementEvents } from '../../src/contracts/enhancement-events.ts';
import type { EnhanceAnswer } from '../../src/contracts/routes/ai-enhance.ts';
import type { RestClient } from './rest-client.ts';
import type { Served } from './test-user.ts';
import { Wakeups } from './wakeups.ts';

/** An event of an enhancement's stream, as it came. */
export interface ReceivedEvent {
  event: string;
  data: Record<string, unknown>;
  id: string | undefined;
}

/** Asks for an enhancement, and what must be answered with it. */
export const askFor = (client: RestClient, body: object): Promise<EnhanceAnswer> =>
  client.post<EnhanceAnswer>('/ai/enhance', body);

/** A client of `GET /ai/stream/:sessionId`. It remembers what it knows, and the last id, over reconnects. */
export class EnhancementClient {
  readonly events: ReceivedEvent[] = [];
  /** Of the attempt that is being told. */
  text = '';
  lastEventId: string | undefined;
  heartbeats = 0;
  ended = false;
  /** Of the last answer. */
  status = 0;
  readonly #client: RestClient;
  readonly #wakeups = new Wakeups(() => JSON.stringify({ ...this, events: this.events.slice(-5) }));
  #response: http.IncomingMessage | undefined;

  constructor(client: RestClient) {
    this.#client = client;
  }

  /** Opens the stream on any process; where it was there before, it resumes, unless it is told to begin anew. */
  async open(sessionId: string, { url }: Served = this.#client, after = this.lastEventId): Promise<this> {
    this.cut();
    const headers: Record<string, string> = { authorization: this.#client.authorization };
    if (after !== undefined) headers['last-event-id'] = after;
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get(`${url}/ai/stream/${sessionId}`, { headers, agent: false }, resolve).once('error', reject);
    });
    this.status = response.statusCode ?? 0;
    this.#response = response;
    this.ended = false;
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (piece: string) => {
      const blocks = (rest + piece).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) if (this.#response === response) this.#take(block);
      this.#wakeups.wake();
    });
    response.on('error', () => {});
    response.once('close', () => {
      if (this.#response !== response) return;
      this.ended = true;
      this.#wakeups.wake();
    });
    return this;
  }

  /** Breaks the connection off. */
  cut(): void {
    const response = this.#response;
    this.#response = undefined;
    response?.destroy();
  }

  until(what: string, condition: () => boolean): Promise<void> {
    return this.#wakeups.until(what, condition);
  }

  /** Waits until it has that much text. */
  has(units: number): Promise<void> {
    return this.until(`${units} characters`, () => this.text.length >= units);
  }

  /** Waits for the last event, behind which the stream must end. */
  async end<E extends 'done' | 'error' | 'cancelled'>(event: E): Promise<EnhancementEvents[E]> {
    await this.until('the end of the stream', () => this.ended);
    const last = this.events.at(-1);
    expect(last?.event, JSON.stringify(last)).to.equal(event);
    return last?.data as unknown as EnhancementEvents[E];
  }

  /** The data of the events of one kind. */
  of<E extends keyof EnhancementEvents>(event: E): EnhancementEvents[E][] {
    return this.events.filter((each) => each.event === event).map(({ data }) => data as never);
  }

  get names(): string[] {
    return this.events.map(({ event }) => event);
  }

  #take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => {
        const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
        return [name, value];
      }),
    );
    if (fields.has('')) this.heartbeats += 1;
    const event = fields.get('event');
    if (event === undefined) return;
    const data = JSON.parse(fields.get('data') ?? '{}') as Record<string, unknown>;
    this.events.push({ event, data, id: fields.get('id') });
    this.lastEventId = fields.get('id') ?? this.lastEventId;
    if (event === 'restart') this.text = '';
    if (event === 'chunk') this.text += data.text as string;
  }
}
