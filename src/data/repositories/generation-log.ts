import type { IdPage } from '../../base/page-by-id.ts';
import { type Db, rows } from '../database.ts';
import type { GenerationOutcome, GenerationRecord } from '../entities/generation.ts';

/** What is told of a generation to who runs the server. */
export type GenerationEntry = GenerationOutcome &
  Pick<
    GenerationRecord,
    | 'id'
    | 'kind'
    | 'userId'
    | 'sessionId'
    | 'messageId'
    | 'model'
    | 'status'
    | 'attempt'
    | 'tries'
    | 'omittedParameters'
    | 'createdAt'
    | 'completedAt'
  >;

/** Which part of the log is read. */
export interface GenerationLogPage extends IdPage {
  status?: GenerationRecord['status'] | undefined;
}

/** The columns of a {@link GenerationEntry}. */
export const GENERATION_ENTRY = `id, kind, user_id AS "userId", session_id AS "sessionId", message_id AS "messageId", model, status, attempt,
  tries, omitted_parameters AS "omittedParameters", error_code AS "errorCode", error_message AS "errorMessage",
  input_tokens AS "inputTokens", cached_input_tokens AS "cachedInputTokens", output_tokens AS "outputTokens",
  reasoning_tokens AS "reasoningTokens", usage_estimated AS "usageEstimated", cost_usd AS "costUsd", credits,
  created_at AS "createdAt", completed_at AS "completedAt"`;

/** Everybody's generations, newest first. */
export async function listGenerationLog(db: Db, page: GenerationLogPage): Promise<GenerationEntry[]> {
  const { limit, before, status } = page;
  const params: unknown[] = [limit];
  const conditions: string[] = [];
  if (before !== undefined) conditions.push(`id < $${params.push(before)}`);
  // Written out, as an index of the failed ones is found only by the word itself.
  if (status !== undefined)
    conditions.push(status === 'failed' ? `status = 'failed'` : `status = $${params.push(status)}`);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return rows<GenerationEntry>(
    db,
    `SELECT ${GENERATION_ENTRY}
       FROM generations ${where} ORDER BY id DESC LIMIT $1`,
    params,
  );
}

/** Whether there is such a generation, anybody's. */
export async function isKnownGeneration(db: Db, id: string): Promise<boolean> {
  return (await rows(db, 'SELECT 1 FROM generations WHERE id = $1', [id])).length > 0;
}
