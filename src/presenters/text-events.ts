import { formatEventId } from '../contracts/event-id.ts';
import type { Message } from '../contracts/message.ts';
import { callInterrupted } from '../services/call-failure.ts';
import type { CallTeller } from './call-teller.ts';
import type { ToldCall } from './foreign-call.ts';
import { presentTextEnd } from './text.ts';

/** Where a client is in a text. */
export interface TextPosition {
  attempt: number;
  /** UTF-16 code units that it has. */
  offset: number;
}

/** What telling a text takes. */
export interface TextEventsDeps {
  /** What its user has now. */
  balance: () => Promise<number>;
  /** Where the client was when it left; left out: it has nothing. */
  from?: TextPosition | undefined;
}

/**
 * A call in the events of the text API. The id of each says how much the client has once it has received it.
 *
 * Throws `provider_failed` where a client comes back in the middle of a text that has begun again meanwhile.
 */
export function textEvents(call: ToldCall, { balance, from }: TextEventsDeps): CallTeller {
  const { messageId, model, createdAt } = call;
  let { attempt, offset } = from ?? { attempt: 0, offset: 0 };
  const id = (done?: true) => formatEventId([{ messageId, attempt, offset, ...(done && { done }) }]);

  function continueAs(next: number): void {
    if (next !== attempt && offset > 0) throw callInterrupted();
    attempt = next;
  }
  const endOf = async (message: Message) => presentTextEnd(call, message, await balance());

  return {
    begin: () => [{ event: 'start', id: id(), data: { id: messageId, model, createdAt } }],
    delta(delta) {
      if (delta.channel) return [];
      continueAs(delta.attempt);
      const text = delta.text.slice(Math.max(0, offset - delta.offset));
      if (text === '') return [];
      offset = delta.offset + delta.text.length;
      return [{ event: 'delta', id: id(), data: { text } }];
    },
    async end(message) {
      continueAs(message.attempt);
      return [{ event: 'done', id: id(true), data: await endOf(message) }];
    },
    async fail(problem, message) {
      const ended = message ? await endOf(message) : { id: messageId };
      return [{ event: 'error', id: id(true), data: { ...ended, problem } }];
    },
  };
}
