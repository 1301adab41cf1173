import { z } from 'zod';
import { type Have, haveSchema, MAX_HAVE } from './events.ts';

const PATTERN = /^([^:]+):(\d+):(\d+)(?::r(\d+))?(:done)?$/;

/**
 * The id of a server-sent event: what a client has of its session once it has received it.
 *
 * `<messageId>:<attempt>:<offset>` of the message that the event is about; behind it `:r<units>` if there is reasoning,
 * and `:done` once it has ended.
 * Comma separated, the same of the others that are being written follows, and of the newest that has ended: one id
 * alone resumes all of them.
 */
export function formatEventId(have: readonly Have[]): string {
  return have.slice(0, MAX_HAVE).map(formatPosition).join(',');
}

/** What is in an id that a client sends back. */
export const eventIdSchema = z.string().transform((text, context): Have[] => {
  const have = z.array(haveSchema).max(MAX_HAVE).safeParse(text.split(',').map(parsePosition));
  if (have.success) return have.data;
  context.addIssue({
    code: 'custom',
    message: 'must be `<messageId>:<attempt>:<offset>`, as it was received',
  });
  return z.NEVER;
});

function formatPosition({ messageId, attempt, offset, reasoning, done }: Have): string {
  return `${messageId}:${attempt}:${offset}${reasoning ? `:r${reasoning}` : ''}${done ? ':done' : ''}`;
}

function parsePosition(text: string): unknown {
  const [, messageId, attempt, offset, reasoning, done] = PATTERN.exec(text) ?? [];
  return {
    messageId,
    attempt: Number(attempt),
    offset: Number(offset),
    ...(reasoning === undefined ? {} : { reasoning: Number(reasoning) }),
    ...(done === undefined ? {} : { done: true }),
  };
}
