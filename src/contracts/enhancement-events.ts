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
  /** It is written anew, as its worker was lost: what came is not part of it. */
  restart: { attempt: number };
  done: Ended & Pick<Message, 'finishReason'>;
  error: Ended & NonNullable<Message['error']>;
  cancelled: Ended;
}

/** An event that is to be sent. */
export type EnhancementEvent = {
  [E in keyof EnhancementEvents]: { event: E; data: EnhancementEvents[E] };
}[keyof EnhancementEvents];
