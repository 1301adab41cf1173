import type { EnhancementEvent } from '../../contracts/enhancement-events.ts';
import type { Message } from '../../contracts/message.ts';
import { countTokens } from '../count-tokens.ts';
import type { ReplyEvent } from '../follow-replies.ts';

/** What a client is told when something happens to the reply of an enhancement; undefined: nothing. */
export async function tellEnhancement(event: ReplyEvent): Promise<EnhancementEvent | undefined> {
  switch (event.type) {
    case 'delta': {
      const { channel, text } = event;
      if (channel === 'reasoning') return undefined;
      return { event: 'chunk', data: { text, tokens: await countTokens(text) } };
    }
    case 'restart':
      return { event: 'restart', data: { attempt: event.attempt } };
    case 'end':
      return endOf(event.message);
    case 'gone':
      return {
        event: 'error',
        data: { code: 'internal', message: 'The enhancement was deleted.', ...NOTHING },
      };
  }
}

const NOTHING = { text: '', usage: null, cost: null, credits: null };

function endOf({
  status,
  content: text,
  finishReason,
  error,
  usage,
  cost,
  credits,
}: Message): EnhancementEvent {
  const ended = { text, usage, cost, credits };
  if (status === 'cancelled') return { event: 'cancelled', data: ended };
  if (status === 'failed' && error) return { event: 'error', data: { ...error, ...ended } };
  return { event: 'done', data: { ...ended, finishReason } };
}
