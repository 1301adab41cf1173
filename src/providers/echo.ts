import type { ChatTurn } from '../contracts/prompt.ts';
import { EventChannel } from './event-channel.ts';
import type { Provider, ProviderRequest } from './provider.ts';
import { Ticker } from './ticker.ts';

/** What {@link createEchoProvider} needs. */
export interface EchoOptions {
  /** Words per second of each stream. */
  tokensPerSecond: number;
}

/**
 * The offline provider: answers with the last user turn, word by word, whatever the model. A token is a word: a
 * run of characters that are not white space, sent with the white space after it (the first also with what
 * stands before it). `inputTokens` are the words of all turns, `outputTokens` those of the answer.
 *
 * The first word comes at once, word n at n / `tokensPerSecond` after it. Words that are due together go out as
 * one event. `maxTokens` is honoured.
 */
export function createEchoProvider({ tokensPerSecond }: EchoOptions): Provider {
  const intervalMs = Math.min(20, Math.max(1, 250 / tokensPerSecond));
  const ticker = new Ticker(intervalMs);
  return {
    name: 'echo',
    stream: (request, signal) =>
      new EventChannel({
        signal,
        open: (channel) => {
          const advance = createAdvance({ request, channel, tokensPerSecond });
          channel.onClose = () => ticker.remove(advance);
          ticker.add(advance);
          advance();
        },
      }),
  };
}

interface EchoRun {
  request: ProviderRequest;
  channel: EventChannel;
  tokensPerSecond: number;
}

/** The step that sends every word that is due by now, and the end after the last. */
function createAdvance({ request, channel, tokensPerSecond }: EchoRun): () => void {
  const text = request.turns.findLast((turn) => turn.role === 'user')?.content ?? '';
  const limit = request.maxTokens ?? Number.POSITIVE_INFINITY;
  const word = /\s*\S+\s*/y;
  const startedMs = performance.now();
  let sent = 0;
  let position = 0;

  return () => {
    const due = Math.min(limit, 1 + Math.floor(((performance.now() - startedMs) * tokensPerSecond) / 1000));
    const from = position;
    for (; sent < due && position < text.length; sent += 1) {
      word.lastIndex = position;
      // White space alone is no word, but it is the answer to itself.
      position = word.test(text) ? word.lastIndex : text.length;
    }
    if (position > from) channel.push({ type: 'text', text: text.slice(from, position) });
    if (position < text.length && sent < limit) return;

    const usage = { inputTokens: countWords(request.turns), outputTokens: Math.min(sent, wordsIn(text)) };
    channel.push({ type: 'usage', usage });
    channel.push({ type: 'finish', reason: position < text.length ? 'length' : 'stop' });
  };
}

function countWords(turns: ChatTurn[]): number {
  return turns.reduce((sum, turn) => sum + wordsIn(turn.content), 0);
}

function wordsIn(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}
