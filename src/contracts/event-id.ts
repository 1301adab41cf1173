import { z } from 'zod';
import { type Have, haveSchema } from './events.ts';

/** A position in the events of a session: how much of which message a client has. */
export interface EventId extends Have {
  /** The message's `message:done` was received, too. */
  done: boolean;
}

const PATTERN = /^([^:]+):(\d+):(\d+)(:done)?$/;

/** `<messageId>:<attempt>:<offset>`, and `:done` behind it once the message has ended. */
export function formatEventId({ messageId, attempt, offset, done }: EventId): string {
  return `${messageId}:${attempt}:${offset}${done ? ':done' : ''}`;
}

/** The position in an id that a client sends back. */
export const eventIdSchema = z.string().transform((text, context): EventId => {
  const [, messageId, attempt, offset, done] = PATTERN.exec(text) ?? [];
  const have = haveSchema.safeParse({ messageId, attempt: Number(attempt), offset: Number(offset) });
  if (have.success) return { ...have.data, done: done !== undefined };
  context.addIssue({ code: 'custom', message: 'must be `<messageId>:<attempt>:<offset>`' });
  return z.NEVER;
});
