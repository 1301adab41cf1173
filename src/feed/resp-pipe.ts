import { MAX_BYTES_PER_UNIT } from '../base/text.ts';
import {
  encodeCommand,
  type RespCommand,
  RespLink,
  type RespLinkOptions,
  type RespSpeaker,
} from './resp-link.ts';
import { RespReplies, type RespReply } from './resp-replies.ts';

interface Waiting {
  left: number;
  replies: RespReply[];
  resolve: (replies: RespReply[]) => void;
  reject: (error: Error) => void;
}

/** So many bytes, about three deltas, do not wait for the end of their turn of the event loop: once in each. */
const EARLY_BYTES = 1_500;

/**
 * A connection to Redis for the one thing that happens tens of thousands of times a second: writing deltas. What many
 * callers ask for in one turn of the event loop goes out in two writes at most. A client library makes several objects for each
 * command, and that was the largest part of what a delta cost; see docs/decisions/0009-resp-pipe.md.
 *
 * While the connection is away everything fails at once. It comes back by itself.
 */
export class RespPipe implements RespSpeaker {
  readonly #link: RespLink;
  #replies = new RespReplies((reply) => this.#take(reply));
  #out: Buffer | undefined;
  #outBytes = 0;
  /** What is asked for in this turn will be written at its end. */
  #scheduled = false;
  /** This turn has written something early. */
  #early = false;
  #waiting: Waiting[] = [];

  private constructor(options: RespLinkOptions) {
    this.#link = new RespLink(options, this);
  }

  /** @throws when the first try fails */
  static async open(options: RespLinkOptions): Promise<RespPipe> {
    const pipe = new RespPipe(options);
    await pipe.#link.open();
    return pipe;
  }

  /**
   * Runs commands that answer with one line each, one after the other and with nothing of another caller in between.
   *
   * @returns how each was answered
   * @throws when the connection is away, or is lost before the answers are there
   */
  run(commands: readonly RespCommand[]): Promise<RespReply[]> {
    return this.send(commands.map(encodeCommand).join(''), commands.length);
  }

  /**
   * The same for commands that are encoded already: most of what a delta sends is what the one before has sent.
   *
   * @param count how many commands there are in `encoded`
   */
  send(encoded: string, count: number): Promise<RespReply[]> {
    if (!this.#link.ready) return Promise.reject(new Error('Redis is away.'));
    return this.#ask(encoded, count);
  }

  /** Ends the connection; what is under way fails. May be called twice. */
  close(): void {
    this.#link.close();
  }

  get expecting(): boolean {
    return this.#waiting.length > 0;
  }

  hear(chunk: Buffer): void {
    this.#replies.read(chunk.toString('latin1'));
  }

  async greet(greeting: readonly RespCommand[]): Promise<void> {
    const encoded = greeting.map(encodeCommand).join('');
    const refused = (await this.#ask(encoded, greeting.length)).find((reply) => reply instanceof Error);
    if (refused) throw refused;
  }

  down(cause: Error): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#out = undefined;
    this.#outBytes = 0;
    this.#replies = new RespReplies((reply) => this.#take(reply));
    for (const { reject } of waiting) reject(cause);
  }

  #ask(encoded: string, count: number): Promise<RespReply[]> {
    return new Promise((resolve, reject) => {
      this.#schedule();
      this.#add(encoded);
      this.#waiting.push({ left: count, replies: [], resolve, reject });
      this.#writeEarly();
    });
  }

  /** Idle, what is asked goes out as soon as whoever asks is done; else with all that this turn of the event loop brings. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#waiting.length === 0) process.nextTick(this.#endTurn);
    else setImmediate(this.#endTurn);
  }

  /** Of much, the beginning: Redis and the web processes work on it while the rest is being made. */
  #writeEarly(): void {
    if (this.#early || this.#outBytes < EARLY_BYTES) return;
    this.#early = true;
    this.#write();
  }

  readonly #endTurn = (): void => {
    this.#scheduled = false;
    this.#early = false;
    this.#write();
  };

  /** At once, while its pieces are at hand: of a string that is made of all of them, each would have to be found again. */
  #add(encoded: string): void {
    const most = this.#outBytes + encoded.length * MAX_BYTES_PER_UNIT;
    if (!this.#out || this.#out.length < most) {
      const larger = Buffer.allocUnsafe(Math.max(most, (this.#out?.length ?? 0) * 2));
      this.#out?.copy(larger, 0, 0, this.#outBytes);
      this.#out = larger;
    }
    this.#outBytes += this.#out.write(encoded, this.#outBytes);
  }

  #write(): void {
    const out = this.#out?.subarray(0, this.#outBytes);
    this.#out = undefined;
    this.#outBytes = 0;
    if (out?.length) this.#link.write(out);
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
}
