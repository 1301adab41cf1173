import { sessionRoom } from '../../src/contracts/events.ts';
import type { MemoryFeed } from '../../src/feed/memory.ts';
import { Outbox, type Wire } from '../../src/realtime/outbox.ts';
import type { RoomFrame } from '../../src/realtime/room-frame.ts';
import type { RoomHub } from '../../src/realtime/room-hub.ts';
import { SessionReader } from '../../src/realtime/session-reader.ts';
import type { LiveMessages } from '../../src/services/live-messages.ts';
import { Transcript } from './transcript.ts';

/** Far more than is ever sent: this client reads at once. */
const MAX_BYTES = 1_000_000_000;

/** A client that follows one session from its beginning, through the reader that every client has. */
export class SessionWatch {
  readonly sessionId: string;
  readonly transcript = new Transcript();
  readonly #deps: { hub: RoomHub; messages: LiveMessages };
  #reader: SessionReader;

  constructor(sessionId: string, deps: { hub: RoomHub; messages: LiveMessages }) {
    this.sessionId = sessionId;
    this.#deps = deps;
    this.#reader = this.#open();
  }

  join(): Promise<unknown> {
    return this.#reader.join();
  }

  /** Goes, and comes back with what it has. */
  async comeBack(): Promise<void> {
    this.#reader.leave();
    this.#reader = this.#open();
    await this.#reader.join(this.transcript.have());
  }

  leave(): void {
    this.#reader.leave();
  }

  #open(): SessionReader {
    const wire: Wire = {
      write: (frame, flushed) => {
        this.#take(frame);
        flushed();
      },
    };
    return new SessionReader({
      ...this.#deps,
      sessionId: this.sessionId,
      outbox: new Outbox(wire, MAX_BYTES),
      onFailure: (error) => this.transcript.faults.push(`the reader failed: ${String(error)}`),
    });
  }

  #take(frame: RoomFrame): void {
    if (frame.is('message:delete')) this.transcript.copies.delete(frame.payload.messageId);
    else this.transcript.apply(frame.event, frame.payload);
  }
}

/** The text that was published of one attempt. */
export interface PublishedText {
  text: string;
  reasoning: string;
}

/** Every delta that was published, put together by attempt. */
export class PublishedTexts {
  readonly faults: string[] = [];
  readonly #texts = new Map<string, PublishedText>();

  constructor(feed: MemoryFeed) {
    feed.listen((room, event, payload) => {
      if (event !== 'message:stream') return;
      const { sessionId, messageId, attempt, channel, offset, delta } = payload as Extract<
        typeof payload,
        { delta: string }
      >;
      if (room !== sessionRoom(sessionId)) this.faults.push(`${messageId}: in the room ${room}`);
      const key = `${messageId}:${attempt}`;
      const text = this.#texts.get(key) ?? { text: '', reasoning: '' };
      this.#texts.set(key, text);
      const part = channel ?? 'text';
      if (offset !== text[part].length)
        this.faults.push(`${key}: ${part} has ${text[part].length}, then comes ${offset}`);
      text[part] += delta;
    });
  }

  of(messageId: string, attempt: number): PublishedText {
    return this.#texts.get(`${messageId}:${attempt}`) ?? { text: '', reasoning: '' };
  }
}
