import type { FollowReplies } from '../services/follow-replies.ts';
import type { LiveMessages } from '../services/live-messages.ts';
import { Outbox, type Wire } from './outbox.ts';
import { ReplyProgress } from './reply-progress.ts';
import { RoomFrame } from './room-frame.ts';
import type { RoomHub } from './room-hub.ts';
import { SessionReader } from './session-reader.ts';

/** What following replies needs. */
export interface FollowRepliesDeps {
  hub: RoomHub;
  messages: LiveMessages;
  /** Most bytes that wait for a slow reader. */
  maxBufferBytes: number;
}

/** Makes the verb: a reader of the session's room, like that of a socket, whose wire is the one that asks. */
export function createFollowReplies({ hub, messages, maxBufferBytes }: FollowRepliesDeps): FollowReplies {
  return async function* follow({ sessionId, messageIds, signal }) {
    const inbox = new Inbox();
    const outbox = new Outbox(inbox, maxBufferBytes);
    const reader = new SessionReader({ sessionId, outbox, hub, messages, onFailure: inbox.fail });
    const progress = new ReplyProgress(messageIds);
    signal.addEventListener('abort', inbox.end, { once: true });
    if (signal.aborted) inbox.end();
    const joining = reader.join().then(async () => {
      // What was deleted before the room was joined tells nobody any more.
      for (const messageId of await reader.ensure(messageIds)) {
        inbox.write(new RoomFrame('message:delete', { sessionId, messageId }), () => {});
      }
    });
    joining.catch(inbox.fail);
    try {
      while (!progress.isOver) {
        const frame = await inbox.next();
        if (!frame) return;
        if (frame.is('message:done') && progress.lacksEnd(frame.payload.messageId)) {
          // The state before it was lost on its way.
          const [message] = await messages.current(sessionId, [frame.payload.messageId]);
          if (message) yield* progress.read(new RoomFrame('message:update', message));
        }
        yield* progress.read(frame);
      }
    } finally {
      signal.removeEventListener('abort', inbox.end);
      reader.leave();
      outbox.close();
    }
  };
}

/** The end of the wire: what has left the outbox, until it is asked for. */
class Inbox implements Wire {
  readonly #frames: { frame: RoomFrame; flushed: () => void }[] = [];
  #wake: (() => void) | undefined;
  #failure: { error: unknown } | undefined;
  #ended = false;

  write(frame: RoomFrame, flushed: () => void): void {
    this.#frames.push({ frame, flushed });
    this.#wake?.();
  }

  readonly fail = (error: unknown): void => {
    this.#failure ??= { error };
    this.#wake?.();
  };

  readonly end = (): void => {
    this.#ended = true;
    this.#wake?.();
  };

  /** The next frame, which lets more leave the outbox; undefined after the end. @throws what failed */
  async next(): Promise<RoomFrame | undefined> {
    for (;;) {
      if (this.#ended) return undefined;
      const taken = this.#frames.shift();
      if (taken) {
        taken.flushed();
        return taken.frame;
      }
      if (this.#failure) throw this.#failure.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
