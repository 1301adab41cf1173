import type { Message } from '../contracts/message.ts';
import type { GenerateBody, GeneratedEnd, GeneratedText } from '../contracts/routes/text.ts';
import type { NewCall } from '../services/calls.ts';
import type { ToldCall } from './foreign-call.ts';
import { defined } from './prompt-turns.ts';

/** What a request of the text API asks; `root`: where its fields stand. */
export function textCall(asked: GenerateBody, root: 'body' | 'query'): NewCall {
  const { model, prompt, systemPrompt = '', temperature, topP, maxTokens } = asked;
  const system = systemPrompt === '' ? [] : [{ role: 'system' as const, content: systemPrompt }];
  return {
    model,
    prompt: { turns: [...system, { role: 'user', content: prompt }] },
    settings: defined({ temperature, topP, maxTokens }),
    paths: {
      model: `${root}.model`,
      content: `${root}.prompt`,
      temperature: `${root}.temperature`,
      maxTokens: `${root}.maxTokens`,
    },
  };
}

/** A text, and what it cost. `balance`: what its user has afterwards. */
export function presentText(call: ToldCall, message: Message, balance: number): GeneratedText {
  const { status: _status, ...end } = presentTextEnd(call, message, balance);
  return { ...end, text: message.content, error: message.error };
}

/** How a text ended. */
export function presentTextEnd(call: ToldCall, message: Message, balance: number): GeneratedEnd {
  const { status, finishReason, usage, credits } = message;
  return { id: call.messageId, model: call.model, status, finishReason, usage, credits, balance };
}
