import { Decimal } from 'decimal.js';
import { excerpt } from '../base/text.ts';
import type { GenerationStatus, Message } from '../contracts/message.ts';
import {
  type Conversation,
  type Lane,
  LISTED_PROMPT_CHARS,
  type PlaygroundStreamEvents,
  type Run,
  type RunStatus,
} from '../contracts/playground.ts';
import type { Session } from '../contracts/session.ts';
import type { LaneState } from '../data/repositories/lanes.ts';
import { presentCost } from './cost.ts';

/** A placeholder as a lane. */
export function presentLane({ id: messageId, lane, model, status }: Message): Lane {
  return { lane: lane ?? 0, messageId, model: model ?? '', status };
}

/** How lanes stand together, see `RUN_STATUSES`. */
export function statusOfLanes(statuses: readonly GenerationStatus[]): RunStatus {
  const count = (...of: GenerationStatus[]) => statuses.filter((status) => of.includes(status)).length;
  if (count('queued', 'streaming') > 0) return 'running';
  if (count('completed') > 0) return count('completed') === statuses.length ? 'completed' : 'partial';
  return count('failed') > 0 ? 'failed' : 'cancelled';
}

/** What a run is beside its session. */
export interface RunState {
  prompt: string;
  models: string[];
  /** Of its lanes, for the newest prompt. */
  statuses: readonly GenerationStatus[];
}

/** A run, whole, but for its conversations. */
export function presentRun(session: Session, { prompt, models, statuses }: RunState): Run {
  const { id, title, settings, totals, lastActivityAt, createdAt } = session;
  return {
    id,
    title,
    prompt,
    models,
    settings,
    status: statusOfLanes(statuses),
    totalCost: totals.cost,
    totalTokens: totals.tokens,
    totalCredits: totals.credits,
    lastActivityAt,
    createdAt,
  };
}

/** A prompt as it stands in a list. */
export const listedPrompt = (prompt: string): string => excerpt(prompt, LISTED_PROMPT_CHARS);

/** What a lane made of a prompt. `userPrompt`: null when it was deleted. */
export function presentConversation(reply: Message, userPrompt: string | null): Conversation {
  const { lane, messageId } = presentLane(reply);
  const { model, content, reasoning, status, finishReason, usage, cost, credits, error, createdAt } = reply;
  return {
    lane,
    modelName: model ?? '',
    messageId,
    userPrompt,
    response: content,
    reasoning,
    status,
    finishReason,
    inputTokens: usage?.inputTokens ?? null,
    outputTokens: usage?.outputTokens ?? null,
    cost,
    credits,
    responseTime: responseTimeOf(reply),
    error,
    createdAt,
  };
}

/** The end of a lane in the stream. */
export function presentLaneEnd(reply: Message): PlaygroundStreamEvents['done'] {
  const { lane, messageId, model, status } = presentLane(reply);
  const { attempt, content: text, reasoning, finishReason, usage, cost, credits, error } = reply;
  const responseTimeMs = responseTimeOf(reply);
  const ended = {
    attempt,
    status,
    finishReason,
    text,
    reasoning,
    usage,
    cost,
    credits,
    responseTimeMs,
    error,
  };
  return { lane, model, messageId, ...ended };
}

/** The end of all lanes of a prompt, those among them whose reply was deleted. */
export function presentRunEnd(
  sessionId: string,
  lanes: readonly LaneState[],
  inrPerUsd: number,
): PlaygroundStreamEvents['end'] {
  const times = lanes.flatMap(({ createdAt, completedAt }) =>
    completedAt ? completedAt.getTime() - createdAt.getTime() : [],
  );
  const costUsd = Decimal.sum(0, ...lanes.map((lane) => lane.costUsd ?? 0));
  return {
    sessionId,
    status: statusOfLanes(lanes.map(({ status }) => status)),
    totalCost: presentCost(costUsd.toFixed(), inrPerUsd),
    totalTokens: lanes.reduce((sum, lane) => sum + (lane.inputTokens ?? 0) + (lane.outputTokens ?? 0), 0),
    totalCredits: Decimal.sum(0, ...lanes.map(({ credits }) => credits ?? 0)).toNumber(),
    responseTimeMs: times.length > 0 ? Math.max(...times) : null,
  };
}

/** Milliseconds from the request to its end; null until then. */
function responseTimeOf({ createdAt, completedAt }: Message): number | null {
  return completedAt === null ? null : Date.parse(completedAt) - Date.parse(createdAt);
}
