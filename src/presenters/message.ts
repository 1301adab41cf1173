import type { Message } from '../contracts/message.ts';
import type { MessageView } from '../data/repositories/messages.ts';
import type { Written } from '../feed/ports.ts';
import { presentOutcome } from './outcome.ts';

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
    lane: generation?.lane ?? null,
    toolCalls: generation?.toolCalls ?? [],
    status: generation?.status ?? 'completed',
    attempt: generation?.attempt ?? 0,
    finishReason: generation?.finishReason ?? null,
    ...(generation ? presentOutcome(generation, inrPerUsd) : NO_OUTCOME),
    attachments: [],
    createdAt: message.createdAt.toISOString(),
    completedAt: generation
      ? (generation.completedAt?.toISOString() ?? null)
      : message.createdAt.toISOString(),
  };
}

/** Of what people wrote. */
const NO_OUTCOME = { usage: null, cost: null, credits: null, error: null };
