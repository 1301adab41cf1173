import {
  type Have,
  type LivePosition,
  type RoomEvents,
  type StreamEvent,
  sessionRoom,
} from '../contracts/events.ts';
import { isTerminal, type Message } from '../contracts/message.ts';
import { doneOf } from '../services/announce-end.ts';
import type { LiveMessages } from '../services/live-messages.ts';
import { isAheadOf, isBeginningOf, MessagePositions } from './message-positions.ts';
import type { FrameOwner, Outbox } from './outbox.ts';
import { RoomFrame } from './room-frame.ts';
import type { RoomHub, RoomReader } from './room-hub.ts';

/** What a reader of a session works with. */
export interface SessionReaderDeps {
  sessionId: string;
  outbox: Outbox;
  hub: RoomHub;
  messages: LiveMessages;
  /** It cannot be brought up to date: the client must come back. */
  onFailure: (error: unknown) => void;
}

/** Most events that wait for a catching up; the messages of further ones are read again. */
const MAX_BACKLOG = 1_000;

/**
 * One client in one session: sees to it that the client gets every event once, whatever the order in which the
 * snapshot and the live events arrive, whoever restarts, and however slowly it reads.
 *
 * The order of a join is what makes it exact: subscribe and wait for it; read the live text; deliver that; then
 * the live events, less what the text already had. A position is noted before its frame is sent, since sending may
 * drop the frame and take the position back.
 */
export class SessionReader implements RoomReader, FrameOwner {
  readonly #deps: SessionReaderDeps;
  readonly #room: string;
  readonly #positions = new MessagePositions();
  /** Messages to be read again; `new` when the client does not know of them yet. */
  readonly #stale = new Map<string, 'known' | 'new'>();
  /** The newest of each event that is no message's, dropped while the client was slow. */
  readonly #missed = new Map<string, RoomFrame>();
  /** What arrives while the client is being brought up to date; undefined when it is. */
  #backlog: RoomFrame[] | undefined = [];
  /** The connection to the broker is lost. */
  #lost = false;
  /** The newest message that the client had when that happened; set until what was missed has been read. */
  #missingSince: string | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #left = false;

  constructor(deps: SessionReaderDeps) {
    this.#deps = deps;
    this.#room = sessionRoom(deps.sessionId);
  }

  /**
   * Joins the room, or brings a client up to date that says what it has.
   *
   * @returns how far each running message is, once the client has it
   * @throws when the broker or the database does not answer
   */
  async join(have: Have[] = []): Promise<LivePosition[]> {
    await this.#catchingUp(async () => {
      this.#positions.claim(have);
      if (!this.#left) await this.#deps.hub.join(this.#room, this);
      // Left meanwhile, perhaps before the room was joined.
      if (this.#left) return this.leave();
      await this.#sendMissing(have, newestOf(have.map(({ messageId }) => messageId)));
    });
    return this.#positions.list();
  }

  /** Sees to it that the client has these messages, whether or not it was there when they were announced. */
  async ensure(messageIds: string[]): Promise<void> {
    for (const id of messageIds) if (!this.#positions.knows(id)) this.#stale.set(id, 'new');
    if (this.#stale.size > 0) await this.#catchingUp();
  }

  /** Leaves the room. */
  leave(): void {
    this.#left = true;
    this.#deps.hub.leave(this.#room, this);
  }

  accept(frame: RoomFrame): void {
    if (this.#left) return;
    if (!this.#backlog) this.#deliver(frame);
    else if (this.#backlog.length < MAX_BACKLOG) this.#backlog.push(frame);
    else if (!this.#isPast(frame)) this.dropped(frame);
  }

  interrupted(): void {
    // What comes next waits until what was missed has been read. What waits already may be the half of something.
    this.#lost = true;
    const halves = this.#backlog ?? [];
    this.#backlog = [];
    this.#missingSince ??= this.#positions.newest;
    for (const frame of halves) if (!this.#isPast(frame)) this.dropped(frame);
  }

  refresh(): void {
    this.#lost = false;
    this.#readMissing();
  }

  #readMissing(): void {
    this.#inBackground(async () => {
      const since = this.#missingSince ?? this.#positions.newest;
      // Lost again while this had to wait: then another reading follows, which has to go back as far.
      if (!this.#lost) this.#missingSince = undefined;
      await this.#sendMissing(this.#positions.list(), since);
    });
  }

  dropped(frame: RoomFrame): void {
    const id = messageIdOf(frame);
    if (id === undefined) {
      this.#missed.set(frame.event, frame);
      return;
    }
    this.#positions.forget(id);
    const unknown = frame.event === 'message:new' || this.#stale.get(id) === 'new';
    this.#stale.set(id, unknown ? 'new' : 'known');
  }

  drained(): void {
    const missed = [...this.#missed.values()];
    this.#missed.clear();
    for (const frame of missed) this.#pass(frame);
    this.#inBackground();
  }

  #inBackground(first?: () => Promise<void>): void {
    this.#catchingUp(first).catch(this.#deps.onFailure);
  }

  /** Holds live events back, brings the client up to date, and lets them go. One after the other. */
  #catchingUp(first: () => Promise<void> = async () => {}): Promise<void> {
    const done = this.#work.then(async () => {
      this.#backlog ??= [];
      await first();
      await this.#readStale();
      if (!this.#left) this.#goLive();
    });
    this.#work = done.catch(() => {});
    return done;
  }

  #goLive(): void {
    if (this.#missingSince !== undefined) return;
    const backlog = this.#backlog ?? [];
    this.#backlog = undefined;
    for (const frame of backlog) this.#deliver(frame);
    if (this.#stale.size > 0 && !this.#deps.outbox.overflowed) this.#inBackground();
  }

  /** Sends what a client lacks that has this much: the rest of what runs, and whatever is newer than `since`. */
  async #sendMissing(have: Have[], since: string | undefined): Promise<void> {
    const { messages, sessionId } = this.#deps;
    const known = new Map(have.map((each) => [each.messageId, each]));
    const stale = [...this.#stale];
    this.#stale.clear();
    const running = await messages.running(sessionId);
    const runningIds = new Set(running.map(({ id }) => id));
    const ended = [...known.keys()].filter((id) => !runningIds.has(id) && !this.#positions.isClosed(id));
    const [endedNow, newer] = await Promise.all([
      messages.current(sessionId, ended),
      since ? messages.newerThan(sessionId, since) : [],
    ]);
    const deleted = new Set(ended);
    for (const { id } of endedNow) deleted.delete(id);
    for (const messageId of deleted) this.#sendDeleted(messageId);
    const told = new Set([...known.keys(), ...runningIds]);
    const unknown = newer.filter(({ id }) => !told.has(id) && !this.#positions.knows(id));
    const states = inOrder([...endedNow, ...running, ...unknown]);
    const read = new Set(states.map(({ id }) => id));
    for (const [id, kind] of stale) if (!read.has(id)) this.#stale.set(id, kind);
    for (const message of states) {
      const had = known.get(message.id);
      if (this.#deps.outbox.hasRoom) this.#sendState(message, had);
      else {
        // Read again when the client can take it: nothing is kept for one that reads slowly.
        if (had) this.#positions.keep(had);
        this.#stale.set(message.id, 'known');
      }
    }
  }

  /**
   * Reads again what the client lacks. One message at a time, as the client takes them: together they may be more
   * than an outbox holds.
   */
  async #readStale(): Promise<void> {
    const { messages, sessionId, outbox } = this.#deps;
    while (!this.#left && !outbox.overflowed) {
      const [messageId] = [...this.#stale.keys()].sort();
      if (messageId === undefined) return;
      await outbox.idle();
      if (this.#left) return;
      // It may have been read, and sent, while what made it stale arrived.
      const kind = this.#positions.knows(messageId) ? 'known' : this.#stale.get(messageId);
      this.#stale.delete(messageId);
      if (this.#positions.knowsEnd(messageId)) continue;
      const [message] = await messages.current(sessionId, [messageId]);
      if (message && kind === 'known') this.#sendState(message, this.#positions.get(messageId));
      else if (message && kind === 'new') this.#sendNew(message);
      else if (kind === 'known') this.#sendDeleted(messageId);
    }
  }

  /** A message that the client does not know. */
  #sendNew(message: Message): void {
    this.#positions.note(message);
    this.#send('message:new', message);
    this.#sendEnd(message);
  }

  /** A message that the client may know in part. */
  #sendState(message: Message, have: Have | undefined): void {
    const { id: messageId, sessionId, attempt, content } = message;
    if (have && isAheadOf(have, message)) {
      // The live text was lost, and its worker has not put it back yet. Nothing is taken back.
      this.#positions.keep(have);
      return;
    }
    this.#positions.note(message);
    if (this.#stale.has(messageId)) this.#stale.set(messageId, 'known');
    // What nobody writes any more has no last event of its own: who has all of it has seen it.
    if (have && message.model === null && have.offset === content.length) return;
    if (!have || isTerminal(message.status) || !isBeginningOf(have, message)) {
      this.#send('message:update', message);
      this.#sendEnd(message);
      return;
    }
    const { offset } = have;
    const delta = content.slice(offset);
    if (delta !== '') this.#send('message:stream', { sessionId, messageId, attempt, offset, delta });
  }

  /** The end of a reply, if it has ended. */
  #sendEnd(message: Message): void {
    const { sessionId, id: messageId, role, status, error } = message;
    if (role !== 'assistant' || !isTerminal(status)) return;
    this.#positions.close(messageId);
    if (error) this.#send('message:error', { sessionId, messageId, error });
    this.#send('message:done', doneOf(message));
  }

  #sendDeleted(messageId: string): void {
    this.#positions.close(messageId);
    this.#send('message:delete', { sessionId: this.#deps.sessionId, messageId });
  }

  #send<E extends keyof RoomEvents>(event: E, payload: RoomEvents[E]): void {
    this.#pass(new RoomFrame(event, payload));
  }

  #pass(frame: RoomFrame): void {
    if (!this.#left) this.#deps.outbox.send(frame, this);
  }

  /** Whether the client has all that the event tells, and all that could follow. */
  #isPast(frame: RoomFrame): boolean {
    const id = messageIdOf(frame);
    if (id === undefined) return false;
    return frame.is('message:new') ? this.#positions.knows(id) : this.#positions.isClosed(id);
  }

  /** A live event: sent on, less what the client has. */
  #deliver(frame: RoomFrame): void {
    const id = messageIdOf(frame);
    const past = this.#isPast(frame) || (id !== undefined && this.#stale.has(id));
    if (past && !frame.is('message:delete')) return;
    if (frame.is('message:new')) this.#deliverNew(frame);
    else if (frame.is('message:delete')) this.#deliverLast(frame);
    else if (id !== undefined && !this.#positions.knows(id)) this.#deliverUnknown(frame, id);
    else if (frame.is('message:stream')) this.#deliverDelta(frame);
    else if (frame.is('message:update')) this.#deliverUpdate(frame);
    else if (frame.is('message:done')) this.#deliverLast(frame);
    else this.#pass(frame);
  }

  #deliverLast(frame: RoomFrame<'message:done'> | RoomFrame<'message:delete'>): void {
    this.#positions.close(frame.payload.messageId);
    this.#pass(frame);
  }

  #deliverUnknown(frame: RoomFrame, messageId: string): void {
    // A delta: whoever posted it died before it could tell, and there may be more than this message to learn of.
    if (frame.is('message:stream')) this.#readMissing();
    // What came before was published before the room was joined.
    else this.#askAgain(messageId);
  }

  #deliverDelta(frame: RoomFrame<'message:stream'>): void {
    const { payload } = frame;
    const verdict = this.#positions.advance(payload);
    if (verdict === 'drop') return;
    if (verdict === 'gap') {
      // Something between what the client has and this event was lost.
      this.#askAgain(payload.messageId);
      return;
    }
    this.#pass(verdict.from === payload.offset ? frame : tailOf(payload, verdict.from));
  }

  #deliverUpdate(frame: RoomFrame<'message:update'>): void {
    if (!isTerminal(frame.payload.status) && this.#positions.covers(frame.payload)) return;
    this.#positions.note(frame.payload);
    this.#pass(frame);
  }

  /** Reads a message again, with whatever has become of it meanwhile. */
  #askAgain(messageId: string): void {
    this.#stale.set(messageId, 'known');
    this.#inBackground();
  }

  #deliverNew(frame: RoomFrame<'message:new'>): void {
    const { id, status } = frame.payload;
    this.#positions.note(frame.payload);
    // A reply that was only stored is complete from the start.
    if (isTerminal(status)) this.#positions.close(id);
    this.#pass(frame);
  }
}

/** Ids sort by time: a question comes before its reply. */
const inOrder = (messages: Message[]): Message[] => messages.sort((a, b) => (a.id < b.id ? -1 : 1));

/** The newest of some ids. */
const newestOf = (ids: string[]): string | undefined => [...ids].sort().at(-1);

/** Which message an event is about, if any. */
function messageIdOf(frame: RoomFrame): string | undefined {
  if (frame.is('message:new') || frame.is('message:update')) return frame.payload.id;
  return 'messageId' in frame.payload ? frame.payload.messageId : undefined;
}

/** A delta without what the client has of it. */
function tailOf(event: StreamEvent, offset: number): RoomFrame<'message:stream'> {
  const delta = event.delta.slice(offset - event.offset);
  return new RoomFrame('message:stream', { ...event, offset, delta });
}
