import net from 'node:net';
import tls from 'node:tls';
import { SilenceWatch } from '../base/silence-watch.ts';
import { parseRedisUrl, type RespAddress } from './resp-address.ts';

/** One command: its name and its arguments. */
export type RespCommand = readonly (string | number)[];

/** Where to, and who is told of trouble. */
export interface RespLinkOptions {
  url: string;
  /** Shows in `CLIENT LIST`. */
  name: string;
  /** Told of each loss of the connection, and of each try to get it back that failed. */
  onError: (error: Error) => void;
  /** Silence that counts as a lost connection while an answer is owed, in milliseconds. Default 10 s. */
  silenceMs?: number;
}

/** Who speaks over a link. */
export interface RespSpeaker {
  /** Sends what stands before all else. @throws when Redis refuses it */
  greet(greeting: readonly RespCommand[]): Promise<void>;
  /** What arrived. @throws when it cannot be understood: the link is broken off */
  hear(chunk: Buffer): void;
  /** An answer is owed: silence means that the connection is lost. */
  readonly expecting: boolean;
  /** The greeting was taken: from now on everything may be said. */
  up?(): void;
  /** The connection is lost, or was never made. */
  down(cause: Error): void;
}

const SILENCE_MS = 10_000;
/** Longest that connecting and each answer to the greeting may take, in milliseconds. */
const CONNECT_MS = 10_000;
const NO_ANSWER = 'Redis does not answer.';
/** Between tries to connect again, in milliseconds. */
const RECONNECT_MS = { first: 50, most: 2_000 };

/** A connection to Redis that comes back by itself. What is said over it is the business of its speaker. */
export class RespLink {
  readonly #address: RespAddress;
  readonly #onError: (error: Error) => void;
  readonly #speaker: RespSpeaker;
  readonly #silence: SilenceWatch;
  #socket: net.Socket | undefined;
  #ready = false;
  #closed = false;
  #pauseMs = RECONNECT_MS.first;
  #timer: NodeJS.Timeout | undefined;

  constructor({ url, name, onError, silenceMs = SILENCE_MS }: RespLinkOptions, speaker: RespSpeaker) {
    this.#address = parseRedisUrl(url, name);
    this.#onError = onError;
    this.#speaker = speaker;
    this.#silence = new SilenceWatch({
      isOwed: () => speaker.expecting,
      silenceMs,
      onSilence: () => this.#socket?.destroy(new Error(NO_ANSWER)),
    });
  }

  /** Connected, and greeted. */
  get ready(): boolean {
    return this.#ready;
  }

  write(encoded: string | Buffer): void {
    this.#socket?.write(encoded);
  }

  /** @throws when the first try fails; later ones are made by itself */
  async open(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Ends the connection. May be called twice. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#silence.stop();
    this.#socket?.destroy();
    this.#speaker.down(new Error('The connection was closed.'));
  }

  async #connect(): Promise<void> {
    const { socket: options, greeting } = this.#address;
    const socket = this.#address.tls ? tls.connect(options) : net.connect(options);
    this.#socket = socket;
    socket.setTimeout(CONNECT_MS);
    socket.on('timeout', () => void socket.destroy(new Error(NO_ANSWER)));
    socket.on('data', (chunk: Buffer) => {
      this.#silence.heard();
      try {
        this.#speaker.hear(chunk);
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
    const connected = new Promise((resolve) =>
      socket.once(this.#address.tls ? 'secureConnect' : 'connect', resolve),
    );
    await Promise.race([connected, lost]);
    await this.#speaker.greet(greeting).catch((error: unknown) => {
      socket.destroy();
      throw error;
    });
    socket.setTimeout(0);
    this.#silence.start();
    this.#ready = true;
    this.#pauseMs = RECONNECT_MS.first;
    this.#speaker.up?.();
  }

  #lose(socket: net.Socket, cause: Error): void {
    if (this.#socket !== socket) return;
    this.#silence.stop();
    const wasReady = this.#ready;
    this.#ready = false;
    this.#speaker.down(cause);
    if (this.#closed) return;
    if (wasReady) this.#onError(cause);
    this.#timer = setTimeout(() => {
      this.#connect().catch(this.#onError);
    }, this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, RECONNECT_MS.most);
  }
}

/** A command as an array of bulk strings. */
export function encodeCommand(command: RespCommand): string {
  return beginCommand(command.length, command);
}

/** A command whose last words are still to come, each by {@link encodeWord}. @param count of all its words */
export function beginCommand(count: number, words: RespCommand): string {
  return `*${count}\r\n${words.map((word) => encodeWord(String(word))).join('')}`;
}

/** A word as a bulk string. @param bytes of it, where they are known */
export function encodeWord(word: string, bytes = Buffer.byteLength(word)): string {
  return `$${bytes}\r\n${word}\r\n`;
}
