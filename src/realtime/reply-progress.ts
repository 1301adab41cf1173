import { isTerminal, type Message } from '../contracts/message.ts';
import type { ReplyEvent } from '../services/follow-replies.ts';
import type { RoomFrame } from './room-frame.ts';

/** How much of a reply was told. */
interface Told {
  attempt: number;
  /** UTF-16 code units. */
  text: number;
  reasoning: number;
  /** Its last state, when it has ended: told with `message:done`. */
  ended?: Message;
}

/** Makes of the frames that a session's reader gets what happens to some of its replies. */
export class ReplyProgress {
  readonly #open: Map<string, Told>;

  constructor(messageIds: string[]) {
    this.#open = new Map(messageIds.map((id) => [id, { attempt: 0, text: 0, reasoning: 0 }]));
  }

  /** Each of the replies has ended. */
  get isOver(): boolean {
    return this.#open.size === 0;
  }

  /** A reply's final state was not read yet. */
  lacksEnd(messageId: string): boolean {
    const told = this.#open.get(messageId);
    return told !== undefined && !told.ended;
  }

  /** What a frame says of the replies. */
  read(frame: RoomFrame): ReplyEvent[] {
    if (frame.is('message:stream')) {
      const { messageId, attempt, channel, offset, delta: text } = frame.payload;
      const told = this.#open.get(messageId);
      if (!told) return [];
      told.attempt = attempt;
      told[channel ?? 'text'] = offset + text.length;
      return [{ type: 'delta', messageId, attempt, channel, offset, text }];
    }
    if (frame.is('message:new') || frame.is('message:update')) return this.#readState(frame.payload);
    if (frame.is('message:done')) return this.#end(frame.payload.messageId);
    if (frame.is('message:delete')) {
      const { messageId } = frame.payload;
      return this.#open.delete(messageId) ? [{ type: 'gone', messageId }] : [];
    }
    return frame.is('session:delete') ? this.#allGone() : [];
  }

  /** Of messages that went with their session nothing is told one by one. */
  #allGone(): ReplyEvent[] {
    const ids = [...this.#open.keys()];
    this.#open.clear();
    return ids.map((messageId) => ({ type: 'gone', messageId }));
  }

  /** A whole state: what it has beyond what was told, or all of it when that was of another attempt. */
  #readState(message: Message): ReplyEvent[] {
    const { id: messageId, attempt, content, reasoning } = message;
    const told = this.#open.get(messageId);
    if (!told) return [];
    const begun = told.text > 0 || told.reasoning > 0;
    const shorter = content.length < told.text || (reasoning?.length ?? 0) < told.reasoning;
    const events: ReplyEvent[] = [];
    if (begun && (attempt !== told.attempt || shorter)) {
      events.push({ type: 'restart', messageId, attempt });
      Object.assign(told, { text: 0, reasoning: 0 });
    }
    told.attempt = attempt;
    for (const [channel, whole] of [['reasoning', reasoning ?? ''] as const, [undefined, content] as const]) {
      const offset = told[channel ?? 'text'];
      if (whole.length === offset) continue;
      events.push({ type: 'delta', messageId, attempt, channel, offset, text: whole.slice(offset) });
      told[channel ?? 'text'] = whole.length;
    }
    if (isTerminal(message.status)) told.ended = message;
    return events;
  }

  #end(messageId: string): ReplyEvent[] {
    const told = this.#open.get(messageId);
    if (!told) return [];
    this.#open.delete(messageId);
    return told.ended ? [{ type: 'end', message: told.ended }] : [{ type: 'gone', messageId }];
  }
}
