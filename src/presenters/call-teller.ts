import type { Problem } from '../contracts/errors.ts';
import type { Message } from '../contracts/message.ts';
import type { ReplyEvent } from '../services/follow-replies.ts';

/** One event of a stream. */
export interface ToldEvent {
  /** As JSON, unless it is a string. */
  data: unknown;
  event?: string;
  id?: string;
}

/** More of a text. */
export type CallDelta = Extract<ReplyEvent, { type: 'delta' }>;

/** Tells a call in the events of one API: the beginning, the deltas, then exactly one of end and failure. */
export interface CallTeller {
  begin(): ToldEvent[];
  delta(delta: CallDelta): ToldEvent[];
  /** It has ended, and was not broken off. */
  end(message: Message): ToldEvent[] | Promise<ToldEvent[]>;
  /** It has failed, after it was begun. `message`: what there is of it, where that is known. */
  fail(problem: Problem, message?: Message): ToldEvent[] | Promise<ToldEvent[]>;
}
