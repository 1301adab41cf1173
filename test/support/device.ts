import type { ServerResponse } from 'node:http';
import { eventIdSchema } from '../../src/contracts/event-id.ts';
import type { Have, LivePosition, RoomEventName, RoomEvents } from '../../src/contracts/events.ts';
import type { Message } from '../../src/contracts/message.ts';
import { Outbox, type Wire } from '../../src/realtime/outbox.ts';
import type { RoomFrame } from '../../src/realtime/room-frame.ts';
import { RoomHub } from '../../src/realtime/room-hub.ts';
import { SessionReader } from '../../src/realtime/session-reader.ts';
import { sseWire } from '../../src/realtime/sse-wire.ts';
import type { Link, SessionWorld } from './session-world.ts';
import { Transcript } from './transcript.ts';

/** One write to the wire. */
interface Written {
  data: string;
  flushed: () => void;
}

/** A connection, to a process of its own. */
interface Connection {
  link: Link;
  outbox: Outbox;
  hub: RoomHub;
  reader: SessionReader | undefined;
  inFlight: Written[];
}

/** A client on either wire, with a process of its own for each connection; the test decides when anything moves. */
export class Device {
  readonly kind: 'socket' | 'stream';
  readonly transcript = new Transcript();
  readonly failures: unknown[] = [];
  /** The newest message when the client first came, or came back with nothing: what was before, it reads over HTTP. */
  since: string | undefined;
  /** It came with nothing, and has not been told yet that it has joined. */
  #fresh = false;
  /** What the last acknowledgement told. */
  live: LivePosition[] = [];
  /** The last join is acknowledged, and nothing is on its way. */
  get settled(): boolean {
    return !this.#joining && this.inFlight === 0;
  }
  readonly #world: SessionWorld;
  readonly #maxBytes: number;
  #connection: Connection | undefined;
  #lastEventId: string | undefined;
  #joining = false;
  /** Messages that it knew when it connected. */
  #brought = new Set<string>();

  constructor(world: SessionWorld, kind: 'socket' | 'stream', maxBytes: number) {
    this.#world = world;
    this.kind = kind;
    this.#maxBytes = maxBytes;
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  /** It reads the session now. */
  get reading(): boolean {
    return this.#connection?.reader !== undefined;
  }

  get link(): Link | undefined {
    return this.#connection?.link;
  }

  /** What has been written to the wire and not arrived. */
  get inFlight(): number {
    return this.#connection?.inFlight.length ?? 0;
  }

  /** Connects and joins with what it has. */
  connect(): void {
    const link = this.#world.link();
    const inFlight: Written[] = [];
    const outbox = new Outbox(this.#wire(inFlight), this.#maxBytes);
    const connection: Connection = { link, outbox, hub: new RoomHub(link), inFlight, reader: undefined };
    this.#connection = connection;
    this.#brought = new Set(this.transcript.copies.keys());
    if (this.kind === 'stream') outbox.hold();
    this.join();
  }

  /** Joins, or says once more what it has. */
  join(): void {
    const connection = this.#connection;
    if (!connection) return;
    const { outbox, hub } = connection;
    const { sessionId, reader: messages } = this.#world;
    const onFailure = (error: unknown) => this.failures.push(error);
    connection.reader ??= new SessionReader({ sessionId, outbox, hub, messages, onFailure });
    const have = this.#have();
    this.#joining = true;
    if (have.length === 0) this.#fresh = true;
    if (this.#fresh) this.since = undefined;
    connection.reader.join(have).then((live) => {
      if (this.#connection !== connection) return;
      this.#joining = false;
      if (this.kind === 'stream') outbox.release();
      if (this.#fresh) this.since = [...this.#world.all.keys()].at(-1) ?? '';
      this.#fresh = false;
      this.live = live;
    }, onFailure);
  }

  /** Leaves the session, and stays connected: by its acknowledgement everything that was on its way has arrived. */
  leave(): void {
    this.#connection?.reader?.leave();
    if (this.#connection) this.#connection.reader = undefined;
    while (this.inFlight > 0) this.receive();
  }

  /** Everything that was written arrives. */
  receive(): void {
    const arrived = this.#connection?.inFlight.splice(0) ?? [];
    for (const { data } of arrived) this.#take(data);
    for (const { flushed } of arrived) flushed();
  }

  /** The connection breaks; of what was on its way a part arrives. */
  cut(arrives: number): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    for (const { data } of connection.inFlight.slice(0, arrives)) this.#take(data);
    connection.reader?.leave();
    connection.outbox.close();
    connection.link.close();
  }

  /** What it joins with: how far each open message is, and the newest that has ended. */
  #have(): Have[] {
    if (this.kind === 'stream') return this.#lastEventId ? eventIdSchema.parse(this.#lastEventId) : [];
    const { copies } = this.transcript;
    const all = [...copies].map(([messageId, { attempt, text, reasoning, message, done }]) => {
      const ended = done !== undefined || message.role === 'user';
      return { messageId, attempt, offset: text.length, reasoning: reasoning.length, done: ended };
    });
    const newestDone = all.filter(({ done }) => done).sort((a, b) => (a.messageId < b.messageId ? 1 : -1));
    return [...all.filter(({ done }) => !done), ...newestDone.slice(0, 1)];
  }

  #wire(inFlight: Written[]): Wire {
    const write = (data: string, flushed: () => void) => void inFlight.push({ data, flushed });
    if (this.kind === 'stream') return sseWire({ write } as unknown as ServerResponse, this.#have());
    return { write: ({ packet }: RoomFrame, flushed) => write(packet, flushed) };
  }

  #take(data: string): void {
    if (this.kind === 'socket') {
      const [event, payload] = JSON.parse(data.slice(data.indexOf('['))) as [RoomEventName, never];
      this.#apply(event, payload);
      return;
    }
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(data)?.[1];
    const payload = JSON.parse(field('data') ?? '') as RoomEvents[RoomEventName];
    this.#apply(field('event') as RoomEventName, payload);
    this.#lastEventId = field('id') ?? this.#lastEventId;
  }

  /** A message that was read before it was announced may be announced again on the next connection: it stays as it is. */
  #apply(event: RoomEventName, payload: RoomEvents[RoomEventName]): void {
    if (event === 'message:new' && this.#brought.has((payload as Message).id)) return;
    this.transcript.apply(event, payload);
  }
}
