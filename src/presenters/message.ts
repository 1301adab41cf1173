import type { Cost, Message, Usage } from '../contracts/message.ts';
import type { GenerationView, MessageView } from '../data/repositories/messages.ts';
import type { Written } from '../feed/ports.ts';
import { presentCost } from './cost.ts';

/** What presenting a message needs to know beside it. */
export interface MessagePresentation {
  /** Rupees per US dollar. */
  inrPerUsd: number;
  /** Of a running message: what is written so far. */
  live?: Written;
}

/** A message with its generation, in the shape of the contract. */
export function presentMessage(message: MessageView, { inrPerUsd, live }: MessagePresentation): Message {
  const { generation } = message;
  return {
    id: message.id,
    sessionId: message.sessionId,
    parentId: message.parentId,
    role: message.role,
    content: live ? live.text : message.content,
    reasoning: live ? live.reasoning : message.reasoning,
    model: generation?.model ?? null,
    tries: generation?.tries ?? [],
    omittedParameters: generation?.omittedParameters ?? [],
    status: generation?.status ?? 'completed',
    attempt: generation?.attempt ?? 0,
    finishReason: generation?.finishReason ?? null,
    usage: generation && presentUsage(generation),
    cost: generation && presentGenerationCost(generation, inrPerUsd),
    credits: generation?.credits != null ? Number(generation.credits) : null,
    error: generation && presentError(generation),
    attachments: [],
    createdAt: message.createdAt.toISOString(),
    completedAt: generation
      ? (generation.completedAt?.toISOString() ?? null)
      : message.createdAt.toISOString(),
  };
}

function presentUsage(generation: GenerationView): Usage | null {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, usageEstimated } = generation;
  if (inputTokens === null || outputTokens === null) return null;
  return {
    inputTokens,
    cachedInputTokens: cachedInputTokens ?? 0,
    outputTokens,
    reasoningTokens: reasoningTokens ?? 0,
    totalTokens: inputTokens + outputTokens,
    estimated: usageEstimated ?? false,
  };
}

function presentGenerationCost({ costUsd }: GenerationView, inrPerUsd: number): Cost | null {
  return costUsd === null ? null : presentCost(costUsd, inrPerUsd);
}

function presentError({ errorCode, errorMessage }: GenerationView): Message['error'] {
  return errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' };
}
