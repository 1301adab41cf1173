import {
  type EnhancementEvent,
  type EnhancementPosition,
  formatPosition,
} from '../../contracts/enhancement-events.ts';
import type { Message } from '../../contracts/message.ts';
import { countTokens } from '../count-tokens.ts';
import type { ReplyEvent } from '../follow-replies.ts';

/** Makes of what happens to a reply what a client is told of an enhancement, less what it has. */
export class EnhancementTeller {
  /** What the client has of an attempt, which may be an earlier one. */
  #have: EnhancementPosition | undefined;

  /** @param have - undefined for a client that comes for the first time */
  constructor(have: EnhancementPosition | undefined) {
    this.#have = have;
  }

  async tell(event: ReplyEvent): Promise<EnhancementEvent[]> {
    if (event.type === 'delta') return event.channel ? [] : this.#tellDelta(event);
    if (event.type === 'end') return [endOf(event.message)];
    if (event.type === 'restart') return this.#restart(event.attempt);
    return [
      { event: 'error', data: { code: 'internal', message: 'The enhancement was deleted.', ...NOTHING } },
    ];
  }

  async #tellDelta({ attempt, offset, text }: ReplyEvent & { type: 'delta' }): Promise<EnhancementEvent[]> {
    const before = this.#have && this.#have.attempt !== attempt ? this.#restart(attempt) : [];
    const fresh = text.slice(Math.max(0, (this.#have?.offset ?? 0) - offset));
    if (fresh === '') return before;
    const id = formatPosition({ attempt, offset: offset + text.length, done: false });
    return [...before, { event: 'chunk', data: { text: fresh, tokens: await countTokens(fresh) }, id }];
  }

  #restart(attempt: number): EnhancementEvent[] {
    this.#have = undefined;
    return [{ event: 'restart', data: { attempt }, id: formatPosition({ attempt, offset: 0, done: false }) }];
  }
}

const NOTHING = { text: '', usage: null, cost: null, credits: null };

function endOf({
  status,
  attempt,
  content: text,
  finishReason,
  error,
  ...message
}: Message): EnhancementEvent {
  const id = formatPosition({ attempt, offset: text.length, done: true });
  const { usage, cost, credits } = message;
  const ended = { text, usage, cost, credits };
  if (status === 'cancelled') return { event: 'cancelled', data: ended, id };
  if (status === 'failed' && error) return { event: 'error', data: { ...error, ...ended }, id };
  return { event: 'done', data: { ...ended, finishReason }, id };
}
