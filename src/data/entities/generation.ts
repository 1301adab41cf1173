import { EntitySchema } from 'typeorm';
import type { GenerationErrorCode } from '../../contracts/errors.ts';
import type { FinishReasonCode, GenerationStatus, Try } from '../../contracts/message.ts';
import type { ModelParameter } from '../../contracts/model.ts';
import type { PromptInput, ToolCall } from '../../contracts/prompt.ts';
import type { SessionSettings } from '../../contracts/session.ts';

/** What a model costs, frozen on each generation when it is admitted. Decimal strings. */
export interface ModelPrice {
  /** Credits for 100 tokens, input and output alike. */
  creditsPer100Tokens: string;
  /** US dollars for a million input tokens. */
  usdPerMillionInput: string;
  /** US dollars for a million input tokens that the provider had in its cache. */
  usdPerMillionCachedInput: string;
  /** US dollars for a million output tokens. */
  usdPerMillionOutput: string;
}

/** What a generation writes: a reply to a message, or the title of a session. */
export type GenerationKind = 'reply' | 'title';

/** Everything a model writes is one of these, from its admission to its settlement. */
export interface GenerationRecord {
  id: string;
  userId: string;
  /** Kept when the session or the message is deleted: the ledger and the statistics need it. */
  sessionId: string;
  /** The placeholder that it fills; null for a title. */
  messageId: string | null;
  kind: GenerationKind;
  /** The model that was asked: `provider/name`, or `echo`. */
  model: string;
  status: GenerationStatus;
  /** The fencing token: made one higher by each claim; a worker with a lower one writes nothing more. */
  attempt: number;
  /** How many attempts ended with the death of their worker. */
  interruptions: number;
  /** Set when a stopping worker hands over a running generation; cleared by the next claim. */
  releasedAt: Date | null;
  /** The durable mark of a stop. */
  cancelRequestedAt: Date | null;
  settings: SessionSettings;
  /** Which lane of a playground run it is, counting from 0: its history is that of this lane alone. Null elsewhere. */
  lane: number | null;
  /** The prompt, where that is not the conversation of the session; forgotten at its end. */
  input: PromptInput | null;
  /** What the model asked of tools; null: nothing. */
  toolCalls: ToolCall[] | null;
  price: ModelPrice;
  finishReason: FinishReasonCode | null;
  errorCode: GenerationErrorCode | null;
  errorMessage: string | null;
  /** Every call of a provider, in order. */
  tries: Try[];
  /** Settings that the model that answered does not take. */
  omittedParameters: ModelParameter[];
  inputTokens: number | null;
  cachedInputTokens: number | null;
  outputTokens: number | null;
  reasoningTokens: number | null;
  /** Counted here, all or in part: the provider did not count it, or its count cannot be true. */
  usageEstimated: boolean | null;
  /** US dollars, a decimal string. */
  costUsd: string | null;
  /** Credits charged, a decimal string. */
  credits: string | null;
  /** Of a call that nobody can come back to: it is stopped when whoever waits for it has not prolonged this. Null elsewhere. */
  watchedUntil: Date | null;
  /** Credits set aside for it while it is open, a decimal string; stays as it was at its end. */
  hold: string;
  /** The tokens that the hold is for. */
  holdTokens: number;
  /** When a hold that no worker has prolonged is given up, and the generation with it. */
  holdExpiresAt: Date | null;
  /** The last sign of life of the worker that runs it. */
  heartbeatAt: Date | null;
  createdAt: Date;
  startedAt: Date | null;
  completedAt: Date | null;
}

/** What a generation has taken, and why it failed. */
export type GenerationOutcome = Pick<
  GenerationRecord,
  | 'errorCode'
  | 'errorMessage'
  | 'inputTokens'
  | 'cachedInputTokens'
  | 'outputTokens'
  | 'reasoningTokens'
  | 'usageEstimated'
  | 'costUsd'
  | 'credits'
>;

export const GenerationEntity = new EntitySchema<GenerationRecord>({
  name: 'Generation',
  tableName: 'generations',
  columns: {
    id: { type: 'uuid', primary: true },
    userId: { type: 'uuid' },
    sessionId: { type: 'uuid' },
    messageId: { type: 'uuid', nullable: true },
    kind: { type: 'text' },
    model: { type: 'text' },
    status: { type: 'text' },
    attempt: { type: 'integer' },
    interruptions: { type: 'integer' },
    releasedAt: { type: 'timestamptz', nullable: true },
    cancelRequestedAt: { type: 'timestamptz', nullable: true },
    settings: { type: 'jsonb' },
    lane: { type: 'smallint', nullable: true },
    input: { type: 'jsonb', nullable: true },
    toolCalls: { type: 'jsonb', nullable: true },
    price: { type: 'jsonb' },
    finishReason: { type: 'text', nullable: true },
    errorCode: { type: 'text', nullable: true },
    errorMessage: { type: 'text', nullable: true },
    tries: { type: 'jsonb' },
    omittedParameters: { type: 'jsonb' },
    inputTokens: { type: 'integer', nullable: true },
    cachedInputTokens: { type: 'integer', nullable: true },
    outputTokens: { type: 'integer', nullable: true },
    reasoningTokens: { type: 'integer', nullable: true },
    usageEstimated: { type: 'boolean', nullable: true },
    costUsd: { type: 'numeric', nullable: true },
    credits: { type: 'numeric', nullable: true },
    watchedUntil: { type: 'timestamptz', nullable: true },
    hold: { type: 'numeric' },
    holdTokens: { type: 'integer' },
    holdExpiresAt: { type: 'timestamptz', nullable: true },
    heartbeatAt: { type: 'timestamptz', nullable: true },
    createdAt: { type: 'timestamptz' },
    startedAt: { type: 'timestamptz', nullable: true },
    completedAt: { type: 'timestamptz', nullable: true },
  },
});
