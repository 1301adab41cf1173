import type { Message } from '../contracts/message.ts';
import type { MessageRecord } from '../data/entities/message.ts';
import type { NewGeneration } from '../data/repositories/turns.ts';
import { presentMessage } from './message.ts';

/** A reply that nobody has begun to write: its placeholder, with the generation that will fill it. */
export function presentPlanned(
  {
    message,
    generation,
  }: { message: MessageRecord; generation: Pick<NewGeneration, 'id' | 'model' | 'lane'> },
  inrPerUsd: number,
): Message {
  const { id: generationId, model, lane } = generation;
  const nothingYet = {
    finishReason: null,
    errorCode: null,
    errorMessage: null,
    tries: [],
    omittedParameters: [],
    inputTokens: null,
    cachedInputTokens: null,
    outputTokens: null,
    reasoningTokens: null,
    usageEstimated: null,
    costUsd: null,
    credits: null,
    toolCalls: null,
    completedAt: null,
  };
  return presentMessage(
    { ...message, generation: { generationId, model, lane, status: 'queued', attempt: 0, ...nothingYet } },
    { inrPerUsd },
  );
}
