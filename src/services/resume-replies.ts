import type { Have } from '../contracts/events.ts';
import type { FollowReplies, ReplyEvent } from './follow-replies.ts';
import { ReplyPositions } from './reply-positions.ts';

/** An event of a stream, as a client gets it. */
export interface SentEvent {
  event: string;
  /** What the client has with it; it comes back with that. */
  id?: string;
  data: unknown;
}

/** Which replies, and what the client has of them. */
export interface ResumedReplies {
  /** A session that is known to be the user's. */
  sessionId: string;
  have: readonly Have[];
  /** Ends the iteration, without an event. */
  signal: AbortSignal;
}

/** Where a client is that has nothing yet. */
export const fromTheStart = (messageIds: readonly string[]): Have[] =>
  messageIds.map((messageId) => ({ messageId, attempt: 0, offset: 0 }));

/**
 * Follows replies from where a client left off, each to its end: nothing it lacks is lost, and nothing comes twice.
 *
 * @returns each event with the id under which the client may come back after it
 * @throws when the broker or the database does not answer
 */
export async function* resumeReplies(
  follow: FollowReplies,
  { sessionId, have, signal }: ResumedReplies,
): AsyncGenerator<{ event: ReplyEvent; id: string }> {
  const positions = new ReplyPositions(have);
  const messageIds = positions.open;
  if (messageIds.length === 0) return;
  for await (const told of follow({ sessionId, messageIds, signal })) {
    for (const event of positions.take(told)) yield { event, id: positions.id };
  }
}
