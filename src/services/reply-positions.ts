import { formatEventId } from '../contracts/event-id.ts';
import type { Have } from '../contracts/events.ts';
import type { Message } from '../contracts/message.ts';
import type { ReplyEvent } from './follow-replies.ts';

type DeltaOf = Extract<ReplyEvent, { type: 'delta' }>;

/**
 * How much a client has of some replies. Replies are always followed from their beginning: this leaves out what the
 * client has, and voids what it has of another attempt.
 */
export class ReplyPositions {
  readonly #have: Map<string, Have>;

  constructor(have: readonly Have[]) {
    this.#have = new Map(have.map((each) => [each.messageId, { ...each }]));
  }

  /** The replies of which the client does not know the end. */
  get open(): string[] {
    return [...this.#have.values()].flatMap(({ messageId, done }) => (done ? [] : [messageId]));
  }

  /** What it has of all of them, as the id of the event that came last. */
  get id(): string {
    return formatEventId([...this.#have.values()]);
  }

  /** What the client lacks of an event. Each is noted before it is given. */
  *take(event: ReplyEvent): Generator<ReplyEvent> {
    const has = this.#have.get(event.type === 'end' ? event.message.id : event.messageId);
    if (!has || has.done) return;
    if (event.type === 'delta') yield* this.#delta(has, event);
    else if (event.type === 'restart') yield* this.#startOver(has, event.attempt);
    else {
      if (event.type === 'end') yield* this.#complete(has, event.message);
      has.done = true;
      yield event;
    }
  }

  *#delta(has: Have, event: DeltaOf): Generator<ReplyEvent> {
    const { attempt, channel, offset, text } = event;
    if (has.attempt !== attempt) yield* this.#startOver(has, attempt);
    const from = (channel ? has.reasoning : has.offset) ?? 0;
    const end = offset + text.length;
    // With a gap before it, it comes with the whole text at the end.
    if (offset > from || end <= from) return;
    if (channel) has.reasoning = end;
    else has.offset = end;
    yield from === offset ? event : { ...event, offset: from, text: text.slice(from - offset) };
  }

  /** Void is only what there is. */
  *#startOver(has: Have, attempt: number): Generator<ReplyEvent> {
    const { messageId } = has;
    const begun = has.offset > 0 || (has.reasoning ?? 0) > 0;
    Object.assign(has, { attempt, offset: 0, reasoning: 0 });
    if (begun) yield { type: 'restart', messageId, attempt };
  }

  /** What a client that came back in between does not have like that. */
  *#complete(has: Have, { id: messageId, attempt, content, reasoning }: Message): Generator<ReplyEvent> {
    const thoughts = reasoning ?? '';
    const other = has.attempt !== attempt;
    if (other || has.offset > content.length || (has.reasoning ?? 0) > thoughts.length) {
      yield* this.#startOver(has, attempt);
    }
    const ofText = { type: 'delta', messageId, attempt } as const;
    yield* this.#delta(has, { ...ofText, channel: 'reasoning', offset: 0, text: thoughts });
    yield* this.#delta(has, { ...ofText, offset: 0, text: content });
  }
}
