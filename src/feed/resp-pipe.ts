import net from 'node:net';
import tls from 'node:tls';
import { parseRedisUrl, type RespAddress } from './resp-address.ts';
import { RespReplies, type RespReply } from './resp-replies.ts';

/** One command: its name and its arguments. */
export type RespCommand = readonly (string | number)[];

/** What a pipe needs. */
export interface RespPipeOptions {
  url: string;
  /** Shows in `CLIENT LIST`. */
  name: string;
  /** Told of each loss of the connection, and of each try to get it back that failed. */
  onError: (error: Error) => void;
}

interface Waiting {
  left: number;
  replies: RespReply[];
  resolve: (replies: RespReply[]) => void;
  reject: (error: Error) => void;
}

/** Silence after a command that counts as a lost connection, in milliseconds. */
const SILENCE_MS = 10_000;
const CONNECT_MS = 10_000;
/** Between tries to connect again, in milliseconds. */
const RECONNECT_MS = { first: 50, most: 2_000 };

/**
 * A connection to Redis for the one thing that happens tens of thousands of times a second: writing deltas. What many
 * callers ask for in one turn of the event loop goes out as one write. A client library makes several objects for each
 * command, and that was the largest part of what a delta cost; see docs/decisions/0009-resp-pipe.md.
 *
 * While the connection is away everything fails at once. It comes back by itself.
 */
export class RespPipe {
  readonly #address: RespAddress;
  readonly #onError: (error: Error) => void;
  #socket: net.Socket | undefined;
  #ready = false;
  #closed = false;
  #out = '';
  #waiting: Waiting[] = [];
  #pauseMs = RECONNECT_MS.first;
  #timer: NodeJS.Timeout | undefined;

  private constructor({ url, name, onError }: RespPipeOptions) {
    this.#address = parseRedisUrl(url, name);
    this.#onError = onError;
  }

  /** @throws when the first try fails */
  static async open(options: RespPipeOptions): Promise<RespPipe> {
    const pipe = new RespPipe(options);
    try {
      await pipe.#connect();
    } catch (error) {
      pipe.close();
      throw error;
    }
    return pipe;
  }

  /**
   * Runs commands that answer with one line each, one after the other and with nothing of another caller in between.
   *
   * @returns how each was answered
   * @throws when the connection is away, or is lost before the answers are there
   */
  run(commands: readonly RespCommand[]): Promise<RespReply[]> {
    if (!this.#ready) return Promise.reject(new Error('Redis is away.'));
    return this.#ask(commands);
  }

  /** Ends the connection; what is under way fails. May be called twice. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
    this.#fail(new Error('The connection was closed.'));
  }

  #ask(commands: readonly RespCommand[]): Promise<RespReply[]> {
    return new Promise((resolve, reject) => {
      if (this.#out === '') setImmediate(this.#flush);
      for (const command of commands) this.#out += encode(command);
      this.#waiting.push({ left: commands.length, replies: [], resolve, reject });
    });
  }

  readonly #flush = (): void => {
    const out = this.#out;
    this.#out = '';
    if (out !== '') this.#socket?.write(out);
  };

  async #connect(): Promise<void> {
    const { socket: options, greeting } = this.#address;
    const socket = this.#address.tls ? tls.connect(options) : net.connect(options);
    this.#socket = socket;
    const replies = new RespReplies((reply) => this.#take(reply));
    socket.setEncoding('latin1');
    socket.setTimeout(CONNECT_MS);
    socket.on('timeout', () => {
      if (!this.#ready || this.#waiting.length > 0) socket.destroy(new Error('Redis does not answer.'));
    });
    socket.on('data', (chunk) => {
      try {
        replies.read(String(chunk));
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    const lost = new Promise<never>((_, reject) => {
      let cause = new Error('The connection to Redis was lost.');
      socket.once('error', (error) => {
        cause = error;
      });
      socket.once('close', () => {
        this.#lose(socket, cause);
        reject(cause);
      });
    });
    lost.catch(() => {});
    await Promise.race([
      new Promise((resolve) => socket.once(this.#address.tls ? 'secureConnect' : 'connect', resolve)),
      lost,
    ]);
    const refused = (await this.#ask(greeting)).find((reply) => reply instanceof Error);
    if (refused) {
      socket.destroy();
      throw refused;
    }
    socket.setTimeout(SILENCE_MS);
    this.#ready = true;
    this.#pauseMs = RECONNECT_MS.first;
  }

  #take(reply: RespReply): void {
    const [first] = this.#waiting;
    if (!first) throw new Error('Redis answered more than it was asked.');
    first.replies.push(reply);
    first.left -= 1;
    if (first.left > 0) return;
    this.#waiting.shift();
    first.resolve(first.replies);
  }

  #lose(socket: net.Socket, cause: Error): void {
    if (this.#socket !== socket) return;
    const wasReady = this.#ready;
    this.#ready = false;
    this.#out = '';
    this.#fail(cause);
    if (this.#closed) return;
    if (wasReady) this.#onError(cause);
    this.#timer = setTimeout(() => {
      this.#connect().catch(this.#onError);
    }, this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, RECONNECT_MS.most);
  }

  #fail(cause: Error): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(cause);
  }
}

/** A command as an array of bulk strings. */
function encode(command: RespCommand): string {
  let text = `*${command.length}\r\n`;
  for (const word of command) {
    const argument = String(word);
    text += `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`;
  }
  return text;
}
