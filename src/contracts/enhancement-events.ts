import { z } from 'zod';
import type { Enhancement, EnhancementMetadata } from './enhancement.ts';
import type { Message } from './message.ts';

type Ended = Pick<Message, 'usage' | 'cost' | 'credits'> & {
  /** All that was written. */
  text: string;
};

/** The events of `GET /ai/stream/:sessionId`, by name. */
export interface EnhancementEvents {
  connected: Pick<Enhancement, 'sessionId' | 'action' | 'model' | 'expiresAt'>;
  metadata: EnhancementMetadata;
  /** More of the text. `tokens`: about how many it has. */
  chunk: { text: string; tokens: number };
  /** It is written anew, as its worker was lost, or the client was told of an earlier attempt: what came is not part of it. */
  restart: { attempt: number };
  done: Ended & Pick<Message, 'finishReason'>;
  error: Ended & NonNullable<Message['error']>;
  cancelled: Ended;
}

/** An event that is to be sent. */
export type EnhancementEvent = {
  [E in keyof EnhancementEvents]: { event: E; data: EnhancementEvents[E]; id?: string };
}[keyof EnhancementEvents];

/** How far a client is. */
export interface EnhancementPosition {
  attempt: number;
  /** UTF-16 code units of that attempt. */
  offset: number;
  /** It was told the end. */
  done: boolean;
}

/** `<attempt>:<offset>`, and `:done` behind it at the end. */
export const formatPosition = ({ attempt, offset, done }: EnhancementPosition): string =>
  `${attempt}:${offset}${done ? ':done' : ''}`;

/** The id of an event, as a client sends it back. */
export const positionSchema = z.string().transform((text, context): EnhancementPosition => {
  const [, attempt, offset, done] = /^(\d{1,9}):(\d{1,9})(:done)?$/.exec(text) ?? [];
  if (attempt !== undefined && offset !== undefined) {
    return { attempt: Number(attempt), offset: Number(offset), done: done !== undefined };
  }
  context.addIssue({ code: 'custom', message: 'must be `<attempt>:<offset>`, as it was received' });
  return z.NEVER;
});
