import type { Have, StreamEvent } from '../contracts/events.ts';
import type { Message } from '../contracts/message.ts';

/** How far a client is in one attempt at a message, in UTF-16 code units. */
export interface Position {
  attempt: number;
  /** Of its text. */
  offset: number;
  /** Of its reasoning. */
  reasoning: number;
}

/** Where everybody is in a message of which nothing has been written. */
export const START: Position = { attempt: 0, offset: 0, reasoning: 0 };

/** Where a client is that has this state of a message. */
export function positionOf({ attempt, content, reasoning }: Message): Position {
  return { attempt, offset: content.length, reasoning: reasoning?.length ?? 0 };
}

/** Where a client is that has this much. */
export function positionIn({ attempt, offset, reasoning = 0 }: Have): Position {
  return { attempt, offset, reasoning };
}

/** What a client has that is there. */
export function haveAt(messageId: string, { attempt, offset, reasoning }: Position): Have {
  return reasoning > 0 ? { messageId, attempt, offset, reasoning } : { messageId, attempt, offset };
}

/** Where a client is once it has a delta, too. */
export function behindDelta(before: Position, { attempt, channel, offset, delta }: StreamEvent): Position {
  const { offset: text, reasoning } = before.attempt === attempt ? before : START;
  const end = offset + delta.length;
  return channel ? { attempt, offset: text, reasoning: end } : { attempt, offset: end, reasoning };
}
