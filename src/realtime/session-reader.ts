import { type Have, type LivePosition, type StreamEvent, sessionRoom } from '../contracts/events.ts';
import { isTerminal } from '../contracts/message.ts';
import { streamEvent } from '../feed/stream-event.ts';
import type { LiveMessages } from '../services/live-messages.ts';
import { CatchingUp } from './catching-up.ts';
import { MessagePositions } from './message-positions.ts';
import type { FrameOwner, Sending } from './outbox.ts';
import { RoomFrame } from './room-frame.ts';
import type { RoomHub, RoomReader } from './room-hub.ts';

/** What a reader of a session works with. */
export interface SessionReaderDeps {
  sessionId: string;
  outbox: Sending;
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
  readonly sessionId: string;
  readonly #deps: SessionReaderDeps;
  readonly #room: string;
  readonly #positions = new MessagePositions();
  readonly #catchingUp: CatchingUp;
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
    const { sessionId, messages, outbox } = deps;
    const send = (frame: RoomFrame) => this.#pass(frame);
    this.sessionId = sessionId;
    this.#deps = deps;
    this.#room = sessionRoom(sessionId);
    this.#catchingUp = new CatchingUp({ sessionId, messages, outbox, positions: this.#positions, send });
  }

  /**
   * Joins the room, or brings a client up to date that says what it has.
   *
   * @returns how far each running message is, once the client has it
   * @throws when the broker or the database does not answer
   */
  async join(have: Have[] = []): Promise<LivePosition[]> {
    await this.#catchUp(async () => {
      this.#positions.claim(have);
      if (!this.#left) await this.#deps.hub.join(this.#room, this);
      // Left meanwhile, perhaps before the room was joined.
      if (this.#left) return this.leave();
      await this.#catchingUp.sendMissing(have, newestOf(have.map(({ messageId }) => messageId)));
    });
    return this.#positions.list();
  }

  /**
   * Sees to it that the client has these messages, whether or not it was there when they were announced.
   *
   * @returns those that are not there: whoever deleted them did it before the room was joined
   */
  async ensure(messageIds: string[]): Promise<string[]> {
    for (const id of messageIds) if (!this.#positions.knows(id)) this.#catchingUp.readAgain(id, 'new');
    if (this.#catchingUp.isBehind) await this.#catchUp();
    return messageIds.filter((id) => !this.#positions.knows(id) && !this.#catchingUp.isStale(id));
  }

  /** Leaves the room. */
  leave(): void {
    this.#left = true;
    this.#catchingUp.stop();
    this.#deps.hub.leave(this.#room, this);
  }

  accept(frame: RoomFrame): void {
    if (this.#left) return;
    if (!this.#backlog) this.#deliver(frame);
    else if (this.#backlog.length < MAX_BACKLOG) this.#backlog.push(frame);
    else this.#giveUp(frame);
  }

  interrupted(): void {
    // What comes next waits until what was missed has been read. What waits already may be the half of something.
    this.#lost = true;
    const halves = this.#backlog ?? [];
    this.#backlog = [];
    this.#missingSince ??= this.#positions.newest;
    for (const frame of halves) this.#giveUp(frame);
  }

  /** An event that will not be sent: its message is read again. */
  #giveUp(frame: RoomFrame): void {
    const id = messageIdOf(frame);
    // What is newer is read with all that was missed. Alone, it would pass for the newest that the client knows.
    const isMissed = id !== undefined && this.#missingSince !== undefined && id > this.#missingSince;
    if (!isMissed && !this.#isPast(frame)) this.#miss(frame);
  }

  refresh(): void {
    this.#lost = false;
    this.#inBackground(() => this.#readSession());
    this.#readMissing();
  }

  /** What may have been missed of the session itself, and of messages that have ended. */
  async #readSession(): Promise<void> {
    const { messages, sessionId } = this.#deps;
    const session = await messages.session(sessionId);
    if (!session) return this.#pass(new RoomFrame('session:delete', { sessionId }));
    this.#pass(new RoomFrame('session:update', session));
    await this.#catchingUp.sendDeletions();
  }

  #readMissing(): void {
    this.#inBackground(async () => {
      const since = this.#missingSince ?? this.#positions.newest;
      // Lost again while this had to wait: then another reading follows, which has to go back as far.
      if (!this.#lost) this.#missingSince = undefined;
      await this.#catchingUp.sendMissing(this.#positions.list(), since);
    });
  }

  /** Of messages that were not announced, or not in their order. */
  #readNewer(): void {
    this.#inBackground(() => this.#catchingUp.readNewer());
  }

  /** A frame that had been sent: what the client has of its message is not known any more. */
  dropped(frame: RoomFrame): void {
    const id = messageIdOf(frame);
    if (id !== undefined) this.#positions.forget(id);
    this.#miss(frame);
  }

  #miss(frame: RoomFrame): void {
    const id = messageIdOf(frame);
    if (id === undefined) this.#missed.set(frame.event, frame);
    else this.#catchingUp.missed(id, frame.event);
  }

  drained(): void {
    const missed = [...this.#missed.values()];
    this.#missed.clear();
    for (const frame of missed) this.#pass(frame);
    this.#inBackground();
  }

  #inBackground(first?: () => Promise<void>): void {
    this.#catchUp(first).catch(this.#deps.onFailure);
  }

  /** Holds live events back, brings the client up to date, and lets them go. One after the other. */
  #catchUp(first: () => Promise<void> = async () => {}): Promise<void> {
    const done = this.#work.then(async () => {
      this.#backlog ??= [];
      await first();
      await this.#catchingUp.readStale();
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
    if (this.#catchingUp.isBehind && !this.#deps.outbox.overflowed) this.#inBackground();
  }

  #pass(frame: RoomFrame): void {
    if (!this.#left) this.#deps.outbox.send(frame, this);
  }

  /** Whether the client has all that the event tells, and all that could follow. */
  #isPast(frame: RoomFrame): boolean {
    const id = messageIdOf(frame);
    if (id === undefined) return false;
    return this.#positions.isClosed(id) || (frame.is('message:new') && this.#positions.knows(id));
  }

  /** A live event: sent on, less what the client has. */
  #deliver(frame: RoomFrame): void {
    const id = messageIdOf(frame);
    const past = this.#isPast(frame) || (id !== undefined && this.#catchingUp.isStale(id));
    if (past && !frame.is('message:delete')) return;
    if (frame.is('message:new')) this.#deliverNew(frame);
    else if (frame.is('message:delete')) this.#deliverDelete(frame);
    else if (id !== undefined && !this.#positions.knows(id)) this.#deliverUnknown(frame, id);
    else if (frame.is('message:stream')) this.#deliverDelta(frame);
    else if (frame.is('message:update')) this.#deliverUpdate(frame);
    else if (frame.is('message:done')) this.#deliverDone(frame);
    else this.#pass(frame);
  }

  #deliverDone(frame: RoomFrame<'message:done'>): void {
    this.#positions.close(frame.payload.messageId);
    this.#pass(frame);
  }

  #deliverDelete(frame: RoomFrame<'message:delete'>): void {
    const { messageId } = frame.payload;
    if (this.#positions.isRemoved(messageId)) return;
    if (messageId <= this.#positions.newest) {
      this.#positions.remove(messageId);
      this.#pass(frame);
    } else {
      // It was never announced, and there may be more than this message to learn of before.
      this.#catchingUp.readAgain(messageId, 'known');
      this.#readNewer();
    }
  }

  #deliverUnknown(frame: RoomFrame, messageId: string): void {
    // Whoever posted it died before it could tell, and there may be more than this message to learn of.
    if (messageId > this.#positions.newest) this.#readNewer();
    else if (frame.is('message:stream')) this.#readMissing();
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
    this.#catchingUp.readAgain(messageId, 'known');
    this.#inBackground();
  }

  #deliverNew(frame: RoomFrame<'message:new'>): void {
    const { id, status, previousId } = frame.payload;
    // One before it has not been announced: the client would not be told of that any more, once it has this one.
    if (previousId && previousId > this.#positions.newest) {
      this.#readNewer();
      return;
    }
    this.#positions.note(frame.payload);
    // A reply that was only stored is complete from the start.
    if (isTerminal(status)) this.#positions.close(id);
    this.#pass(frame.shown);
  }
}

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
  return new RoomFrame('message:stream', streamEvent(event, offset, delta));
}
