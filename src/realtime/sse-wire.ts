import type { ServerResponse } from 'node:http';
import { formatEventId } from '../contracts/event-id.ts';
import type { Have } from '../contracts/events.ts';
import type { Wire } from './outbox.ts';
import { behindDelta, haveAt, positionIn, positionOf, START } from './position.ts';
import type { RoomFrame } from './room-frame.ts';

/**
 * The wire of an event stream: https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @param have - what the client had when it came
 */
export function sseWire(response: ServerResponse, have: readonly Have[]): Wire {
  const progress = new Progress();
  for (const position of have) progress.note(position, position.done === true);
  return {
    write(frame, flushed) {
      // It was ended from elsewhere: nothing more is taken, and nobody is asked for more.
      if (response.writableEnded) return;
      const position = positionAfter(frame, progress);
      if (position) progress.note(position, endsMessage(frame));
      const id = position ? `id: ${formatEventId(progress.behind(position))}\n` : '';
      response.write(`event: ${frame.event}\n${id}data: ${frame.json}\n\n`, () => flushed());
    },
  };
}

/** What the client has: of each message that has not ended, and of the newest that has. */
class Progress {
  readonly #open = new Map<string, Have>();
  #newestDone: Have | undefined;

  get(messageId: string): Have | undefined {
    return this.#open.get(messageId);
  }

  note(position: Have, ended: boolean): void {
    const { messageId } = position;
    if (!ended) {
      this.#open.set(messageId, position);
      return;
    }
    this.#open.delete(messageId);
    if (!this.#newestDone || messageId > this.#newestDone.messageId) this.#newestDone = position;
  }

  /**
   * All of it, the one that has just been noted first. In a conversation that is one position: what has ended only
   * counts while nothing newer stands there, as the place from which on messages are new.
   */
  behind(first: Have): Have[] {
    const all = [first, ...[...this.#open.values()].filter(({ messageId }) => messageId !== first.messageId)];
    const newest = this.#newestDone;
    return newest && all.every(({ messageId }) => messageId < newest.messageId) ? [...all, newest] : all;
  }
}

/** How far the client is in the message of a frame; undefined for one that is about no message, or says nothing of it. */
function positionAfter(frame: RoomFrame, progress: Progress): Have | undefined {
  if (frame.is('message:stream')) {
    const { messageId } = frame.payload;
    const before = progress.get(messageId);
    return haveAt(messageId, behindDelta(before ? positionIn(before) : START, frame.payload));
  }
  if (frame.is('message:new') || frame.is('message:update')) {
    return haveAt(frame.payload.id, positionOf(frame.payload));
  }
  if (frame.is('message:done') || frame.is('message:delete')) {
    const { messageId } = frame.payload;
    return { ...(progress.get(messageId) ?? haveAt(messageId, START)), done: true };
  }
  return undefined;
}

/** Whether nothing of the message follows; what nobody writes any more has no last event of its own. */
function endsMessage(frame: RoomFrame): boolean {
  if (frame.is('message:new') || frame.is('message:update')) return frame.payload.model === null;
  return frame.is('message:done') || frame.is('message:delete');
}
