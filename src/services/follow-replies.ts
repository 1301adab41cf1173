import type { Message } from '../contracts/message.ts';

/** What happens to replies that are followed. `messageId` says to which. */
export type ReplyEvent =
  /** More of its text, or (in the channel `reasoning`) of what the model thinks. `offset`: UTF-16 code units before it. */
  | {
      type: 'delta';
      messageId: string;
      attempt: number;
      channel?: 'reasoning' | undefined;
      offset: number;
      text: string;
    }
  /** Another attempt begins: what came of its text and reasoning is not part of it any more. */
  | { type: 'restart'; messageId: string; attempt: number }
  /** It has ended, and is whole: its deltas since the last restart are its content. Nothing of it follows. */
  | { type: 'end'; message: Message }
  /** It was deleted before it ended. Nothing of it follows. */
  | { type: 'gone'; messageId: string };

/** Which replies are followed. */
export interface FollowedReplies {
  /** A session that is known to be the user's. */
  sessionId: string;
  /** Its replies; whether they wait, run or have ended. */
  messageIds: string[];
  /** Ends the iteration, without an event. */
  signal: AbortSignal;
}

/**
 * Follows replies from their beginning to their ends, wherever they are written: the same events as in the session's room,
 * none lost and none twice. What a slow reader has not taken waits, merged and bounded. Ends when each of them has.
 *
 * @throws when the broker or the database does not answer
 */
export type FollowReplies = (followed: FollowedReplies) => AsyncIterable<ReplyEvent>;

/**
 * Waits for replies to end.
 *
 * @returns them, in the order in which they were asked for; less those that were deleted, or after `signal`, those that had not ended
 * @throws when the broker or the database does not answer
 */
export async function waitForReplies(follow: FollowReplies, followed: FollowedReplies): Promise<Message[]> {
  const ended = new Map<string, Message>();
  for await (const event of follow(followed)) {
    if (event.type === 'end') ended.set(event.message.id, event.message);
  }
  return followed.messageIds.flatMap((id) => ended.get(id) ?? []);
}
