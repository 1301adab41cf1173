import { EventEmitter } from 'node:events';
import {
  encodeCommand,
  type RespCommand,
  RespLink,
  type RespLinkOptions,
  type RespSpeaker,
} from './resp-link.ts';
import { type RespPush, RespPushes } from './resp-pushes.ts';

/** A message of a sharded channel, as it came. */
export interface ShardMessage {
  channel: Buffer;
  payload: Buffer;
}

/** How often Redis is asked whether it is there while it says nothing, in milliseconds. */
const PING_MS = 4_000;

/**
 * A chunk as long as Node reads at once, of so many events, says that this process is behind, and that they are small: then all
 * that this turn of the event loop brings is handed out together, so that there is something to be merged. Of large ones that
 * would be more than the sockets can take in one go.
 */
const FULL_BYTES = 65_536;
const MANY = 100;

interface Events {
  /** What arrived together, in order. */
  batch: [ShardMessage[]];
  /** For Socket.IO's adapter, which listens for it: what our own listener does not take. */
  smessageBuffer: [channel: Buffer, payload: Buffer];
  /** The connection is lost. */
  close: [];
  /** The connection is back, with all its subscriptions. */
  ready: [];
}

/**
 * A connection to Redis for what a web process does tens of thousands of times a second: receiving deltas. It has the
 * methods of ioredis that Socket.IO's sharded adapter uses, so that it can be its subscriber. What arrived together
 * is handed out together, so that a process that is behind can merge it; see docs/decisions/0009-resp-pipe.md.
 *
 * It comes back by itself, and subscribes again.
 */
export class RespSubscriber extends EventEmitter<Events> implements RespSpeaker {
  readonly #link: RespLink;
  #pushes = this.#newPushes();
  readonly #channels = new Set<string>();
  /** Who waits for the confirmation of a subscription, in the order in which they were sent. */
  #unconfirmed: (() => void)[] = [];
  /** Who waits for a subscription that could not be sent, or was lost before it was confirmed. */
  #waiting: (() => void)[] = [];
  /** Answers to the greeting that are still to come. */
  #greeting: ((refused: Error | undefined) => void)[] = [];
  /** Who waits for the answer to a ping, in the order in which they were sent. */
  #pinging: ((lost: Error | undefined) => void)[] = [];
  #batch: ShardMessage[] = [];
  #handingOut: NodeJS.Immediate | undefined;
  #ready = false;
  /** Counts the times that it was connected. */
  #round = 0;
  #pings: NodeJS.Timeout | undefined;

  private constructor(options: RespLinkOptions) {
    super();
    this.#link = new RespLink(options, this);
  }

  /** @throws when the first try fails */
  static async open(options: RespLinkOptions): Promise<RespSubscriber> {
    const subscriber = new RespSubscriber(options);
    await subscriber.#link.open();
    return subscriber;
  }

  /** Connected, with all its subscriptions. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Resolves once Redis has confirmed it; while Redis is away, that is after it has come back. */
  ssubscribe(channel: string): Promise<void> {
    this.#channels.add(channel);
    return new Promise((resolve) => {
      if (this.#link.ready) this.#subscribe(channel, resolve);
      else this.#waiting.push(resolve);
    });
  }

  sunsubscribe(channels: string | string[]): void {
    for (const channel of [channels].flat()) {
      this.#channels.delete(channel);
      if (this.#link.ready) this.#say(['SUNSUBSCRIBE', channel]);
    }
  }

  /** @throws while the connection is away or not all subscriptions are back, and when it is lost before Redis answers */
  async ping(): Promise<void> {
    if (!this.#ready) throw new Error('Redis is away.');
    const lost = await new Promise<Error | undefined>((resolve) => this.#ping(resolve));
    if (lost) throw lost;
  }

  /** Ends the connection. May be called twice. */
  close(): void {
    this.#link.close();
  }

  // Of the pings alone there is one every few seconds.
  get expecting(): boolean {
    return this.#pinging.length > 0;
  }

  hear(chunk: Buffer): void {
    const before = this.#batch.length;
    this.#pushes.read(chunk);
    const isBehind = chunk.length >= FULL_BYTES && this.#batch.length - before >= MANY;
    if (isBehind) this.#handingOut ??= setImmediate(this.#handOut);
    else if (!this.#handingOut) this.#handOut();
  }

  async greet(greeting: readonly RespCommand[]): Promise<void> {
    const answers = greeting.map(
      () => new Promise<Error | undefined>((resolve) => this.#greeting.push(resolve)),
    );
    for (const command of greeting) this.#say(command);
    const refused = (await Promise.all(answers)).find((answer) => answer);
    if (refused) throw refused;
  }

  up(): void {
    this.#pings = setInterval(() => this.#ping(() => {}), PING_MS);
    this.#pings.unref();
    this.#round += 1;
    const round = this.#round;
    const before = this.#waiting.splice(0);
    const confirmed = [...this.#channels].map(
      (channel) => new Promise<void>((resolve) => this.#subscribe(channel, resolve)),
    );
    void Promise.all(confirmed).then(() => {
      for (const resolve of before) resolve();
      // Lost again meanwhile, these were confirmed by a later round, which tells of itself.
      if (round !== this.#round) return;
      this.#ready = true;
      this.emit('ready');
    });
  }

  down(cause: Error): void {
    clearInterval(this.#pings);
    this.#ready = false;
    for (const answer of this.#greeting.splice(0)) answer(cause);
    for (const answer of this.#pinging.splice(0)) answer(cause);
    this.#waiting.push(...this.#unconfirmed.splice(0));
    this.#pushes = this.#newPushes();
    this.#handOut();
    this.emit('close');
  }

  #newPushes(): RespPushes {
    return new RespPushes((push) => this.#take(push));
  }

  #say(command: RespCommand): void {
    this.#link.write(encodeCommand(command));
  }

  #ping(answered: (lost: Error | undefined) => void): void {
    this.#pinging.push(answered);
    this.#say(['PING']);
  }

  #subscribe(channel: string, confirmed: () => void): void {
    this.#unconfirmed.push(confirmed);
    this.#say(['SSUBSCRIBE', channel]);
  }

  #take(push: RespPush): void {
    if (!Array.isArray(push)) {
      if (push === 'PONG') this.#pinging.shift()?.(undefined);
      else this.#greeting.shift()?.(push instanceof Error ? push : undefined);
      return;
    }
    const [kind, channel, payload] = push;
    if (!kind || !channel) return;
    // With subscriptions, the answer to a ping is an array of two.
    if (!payload) {
      this.#pinging.shift()?.(undefined);
      return;
    }
    // Told apart by their lengths: `smessage`, `ssubscribe`, `sunsubscribe`.
    if (kind.length === SMESSAGE) this.#collect({ channel, payload });
    else if (kind.length === SSUBSCRIBE) this.#unconfirmed.shift()?.();
  }

  #collect(message: ShardMessage): void {
    this.#batch.push(message);
  }

  readonly #handOut = (): void => {
    clearImmediate(this.#handingOut);
    this.#handingOut = undefined;
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.emit('batch', batch);
  };
}

const SMESSAGE = 'smessage'.length;
const SSUBSCRIBE = 'ssubscribe'.length;
