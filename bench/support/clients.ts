import { WebSocket } from 'ws';
import { nowUs } from './token.ts';

/** What the clients saw in a window of time. */
export interface Seen {
  tokens: number;
  /** Tokens a second. */
  rate: number;
  /** Milliseconds from making a token to having it. */
  p50: number;
  p99: number;
  /** Deltas that did not continue the text. */
  wrong: number;
}

/** The handshake of one client, and what it does once it is connected. */
export interface ClientOptions {
  port: number;
  auth: object;
  /** A session to be joined; the bare server needs none. */
  sessionId?: string;
}

/** Lean clients: raw WebSockets that speak just enough Socket.IO, and check every offset. */
export class Clients {
  readonly #sockets: WebSocket[] = [];
  #window: { fromUs: number; toUs: number } = { fromUs: 0, toUs: 0 };
  #latencies: number[] = [];
  #wrong = 0;
  #received = 0;
  readonly #streaming = new Set<string>();
  #onStreaming: (() => void) | undefined;
  #ended = 0;
  #onEnded: (() => void) | undefined;

  /** Tokens so far. */
  get received(): number {
    return this.#received;
  }

  /** Resolves when this many generations have ended. */
  ended(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onEnded = () => this.#ended >= count && resolve();
      this.#onEnded();
    });
  }

  /** Resolves when this many generations have been heard of. */
  streaming(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onStreaming = () => this.#streaming.size >= count && resolve();
      this.#onStreaming();
    });
  }

  /** Connects one more; resolves when it has joined. */
  async add({ port, auth, sessionId }: ClientOptions): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, {
      perMessageDeflate: false,
    });
    this.#sockets.push(socket);
    const texts = new Map<string, number>();
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (data: Buffer) => {
        const frame = data.toString();
        if (frame[0] === '2') socket.send('3');
        else if (frame[0] === '0') socket.send(`40/chat,${JSON.stringify(auth)}`);
        else if (frame.startsWith('40/chat,')) {
          if (sessionId) socket.send(`42/chat,1["join",${JSON.stringify({ sessionId })}]`);
          else resolve();
        } else if (frame.startsWith('43/chat,1')) resolve();
        else if (frame.startsWith('44')) reject(new Error(frame));
        else if (frame.startsWith('42/chat,["message:stream"')) this.#onDelta(frame, texts);
        else if (frame.startsWith('42/chat,["message:done"')) {
          this.#ended += 1;
          this.#onEnded?.();
        }
      });
    });
  }

  /** Looks at the tokens that are made in the next `ms` milliseconds; resolves when they should all be here. */
  async watch(ms: number, graceMs = 1_500): Promise<Seen> {
    this.#latencies = [];
    this.#wrong = 0;
    const fromUs = nowUs();
    this.#window = { fromUs, toUs: fromUs + ms * 1_000 };
    await new Promise((resolve) => setTimeout(resolve, ms + graceMs));
    const sorted = Float64Array.from(this.#latencies).sort();
    const at = (q: number) => (sorted[Math.floor((sorted.length - 1) * q)] ?? Number.NaN) / 1_000;
    const tokens = sorted.length;
    return { tokens, rate: (tokens * 1_000) / ms, p50: at(0.5), p99: at(0.99), wrong: this.#wrong };
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  /** Picks the fields by hand: parsing would cost the clients more than the server spends. */
  #onDelta(frame: string, texts: Map<string, number>): void {
    const messageId = between(frame, '"messageId":"', '"');
    const offset = Number(between(frame, '"offset":', ','));
    const delta = between(frame, '"delta":"', '"');
    const known = texts.get(messageId);
    if (known === undefined) {
      this.#streaming.add(messageId);
      this.#onStreaming?.();
    } else if (known !== offset) this.#wrong++;
    texts.set(messageId, offset + delta.length);
    const arrived = nowUs();
    const { fromUs, toUs } = this.#window;
    for (
      let start = 0, end = delta.indexOf(' ');
      end >= 0;
      start = end + 1, end = delta.indexOf(' ', start)
    ) {
      this.#received++;
      const made = Number.parseInt(delta.slice(start, end), 36);
      if (made >= fromUs && made < toUs) this.#latencies.push(arrived - made);
    }
  }
}

function between(text: string, before: string, after: string): string {
  const start = text.indexOf(before) + before.length;
  return text.slice(start, text.indexOf(after, start));
}
