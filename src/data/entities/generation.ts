import { EntitySchema } from 'typeorm';
import type { GenerationErrorCode } from '../../contracts/errors.ts';
import type { FinishReasonCode, GenerationStatus } from '../../contracts/message.ts';
import type { SessionSettings } from '../../contracts/session.ts';

/** What a model costs, frozen on each generation when it is admitted. Decimal strings. */
export interface ModelPrice {
  /** Credits for 100 tokens, input and output alike. */
  creditsPer100Tokens: string;
  /** US dollars for a million input tokens. */
  usdPerMillionInput: string;
  /** US dollars for a million output tokens. */
  usdPerMillionOutput: string;
}

/** Everything a model writes is one of these, from its admission to its settlement. */
export interface GenerationRecord {
  id: string;
  userId: string;
  /** Kept when the session or the message is deleted: the ledger and the statistics need it. */
  sessionId: string;
  messageId: string;
  /** `provider/name`, or `echo`. */
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
  price: ModelPrice;
  finishReason: FinishReasonCode | null;
  errorCode: GenerationErrorCode | null;
  errorMessage: string | null;
  inputTokens: number | null;
  outputTokens: number | null;
  /** Counted here, because the provider sent no usage. */
  usageEstimated: boolean | null;
  /** US dollars, a decimal string. */
  costUsd: string | null;
  /** Credits charged, a decimal string. */
  credits: string | null;
  /** The last sign of life of the worker that runs it. */
  heartbeatAt: Date | null;
  createdAt: Date;
  startedAt: Date | null;
  completedAt: Date | null;
}

export const GenerationEntity = new EntitySchema<GenerationRecord>({
  name: 'Generation',
  tableName: 'generations',
  columns: {
    id: { type: 'uuid', primary: true },
    userId: { type: 'uuid' },
    sessionId: { type: 'uuid' },
    messageId: { type: 'uuid' },
    model: { type: 'text' },
    status: { type: 'text' },
    attempt: { type: 'integer' },
    interruptions: { type: 'integer' },
    releasedAt: { type: 'timestamptz', nullable: true },
    cancelRequestedAt: { type: 'timestamptz', nullable: true },
    settings: { type: 'jsonb' },
    price: { type: 'jsonb' },
    finishReason: { type: 'text', nullable: true },
    errorCode: { type: 'text', nullable: true },
    errorMessage: { type: 'text', nullable: true },
    inputTokens: { type: 'integer', nullable: true },
    outputTokens: { type: 'integer', nullable: true },
    usageEstimated: { type: 'boolean', nullable: true },
    costUsd: { type: 'numeric', nullable: true },
    credits: { type: 'numeric', nullable: true },
    heartbeatAt: { type: 'timestamptz', nullable: true },
    createdAt: { type: 'timestamptz' },
    startedAt: { type: 'timestamptz', nullable: true },
    completedAt: { type: 'timestamptz', nullable: true },
  },
});
