import type { EndStatus, Try } from '../../contracts/message.ts';
import { type Db, rows } from '../database.ts';
import type { GenerationOutcome, GenerationRecord } from '../entities/generation.ts';
import { prepared } from '../prepared.ts';
import { CANCEL_REQUESTED, OPEN } from './open-generations.ts';

/** A claim: the only worker that may write is the one with this attempt. */
export type GenerationClaim = Pick<
  GenerationRecord,
  | 'id'
  | 'userId'
  | 'sessionId'
  | 'model'
  | 'attempt'
  | 'interruptions'
  | 'settings'
  | 'lane'
  | 'input'
  | 'price'
  | 'tries'
  | 'hold'
  | 'holdTokens'
>;

/** A claimed reply. */
export interface ClaimedGeneration extends GenerationClaim {
  kind: 'reply';
  /** The placeholder that it fills. */
  messageId: string;
  /** Somebody asked to stop it, or nobody waits for it any more. */
  cancelRequested: boolean;
  /** Nobody took it, or gave a sign of life of it, for so long that it is given up. */
  expired: boolean;
  /** The message that is answered; null when it was deleted. */
  parentId: string | null;
  /** Its session is named by its first words. */
  wantsTitle: boolean;
}

/** The claimed title of a session. */
export interface ClaimedTitle extends GenerationClaim {
  kind: 'title';
}

/** The attempt of whoever is given a generation before anybody else. */
export const FIRST_ATTEMPT = 1;
/** The lowest attempt of everybody else. */
export const LATER_ATTEMPT = 2;

const CLAIM = prepared(`UPDATE generations SET
       status = 'streaming',
       attempt = greatest(attempt + 1, $2),
       interruptions = interruptions + (status = 'streaming' AND released_at IS NULL)::int,
       released_at = NULL,
       heartbeat_at = now(),
       started_at = coalesce(started_at, now())
     WHERE id = $1 AND ${OPEN}
     RETURNING id, kind, user_id AS "userId", session_id AS "sessionId", message_id AS "messageId", model, attempt,
       interruptions, settings, lane, input, price, tries, hold, hold_tokens AS "holdTokens",
       ${CANCEL_REQUESTED} AS "cancelRequested", coalesce(hold_expires_at < now(), false) AS expired,
       (SELECT parent_id FROM messages WHERE messages.id = message_id) AS "parentId",
       (SELECT title_by = 'excerpt' AND sessions.kind = 'chat' FROM sessions WHERE sessions.id = session_id) AS "wantsTitle",
       CASE attempt WHEN ${FIRST_ATTEMPT} THEN set_config('synchronous_commit', 'off', true) END AS "relaxed"`);

/**
 * Claims a generation: the attempt goes up by one, which fences off whoever had it before. An attempt that was
 * not handed over counts as interrupted.
 *
 * The first attempt is not waited for on disk, as it stands between a person and the first token. Should the database lose it in
 * a crash, its worker finds so, and nobody else gets its number: everybody else begins at {@link LATER_ATTEMPT}.
 *
 * @param lowest the number that the attempt has at least
 * @returns undefined when it has ended, or is not there
 */
export async function claimGeneration(
  db: Db,
  id: string,
  lowest: typeof FIRST_ATTEMPT | typeof LATER_ATTEMPT,
): Promise<ClaimedGeneration | ClaimedTitle | undefined> {
  return (await rows<ClaimedGeneration | ClaimedTitle>(db, CLAIM, [id, lowest]))[0];
}

/** How a generation ended. */
export type GenerationEnd = GenerationOutcome &
  Pick<GenerationRecord, 'finishReason' | 'tries' | 'omittedParameters' | 'toolCalls'> & {
    status: EndStatus;
  };

/** Which attempt ends, and which attempt its text is from (they differ when an interrupted one's text is kept). */
export interface AttemptRef {
  id: string;
  attempt: number;
  textAttempt?: number;
}

/** What was set aside for a generation at its end. */
export type EndedHold = Pick<GenerationRecord, 'hold' | 'holdTokens'>;

/** Ends a generation, for good. Undefined when the attempt is not the current one any more. */
export async function endGeneration(
  db: Db,
  ref: AttemptRef,
  end: GenerationEnd,
): Promise<EndedHold | undefined> {
  const ended = await rows<EndedHold>(
    db,
    prepared(`UPDATE generations SET
       status = $3, attempt = $4, finish_reason = $5, error_code = $6, error_message = $7, input_tokens = $8,
       output_tokens = $9, usage_estimated = $10, cost_usd = $11, credits = $12, tries = $13, omitted_parameters = $14,
       cached_input_tokens = $15, reasoning_tokens = $16, tool_calls = $17, input = NULL, completed_at = now()
     WHERE id = $1 AND attempt = $2 AND status = 'streaming' RETURNING hold, hold_tokens AS "holdTokens"`),
    [
      ref.id,
      ref.attempt,
      end.status,
      ref.textAttempt ?? ref.attempt,
      end.finishReason,
      end.errorCode,
      end.errorMessage,
      end.inputTokens,
      end.outputTokens,
      end.usageEstimated,
      end.costUsd,
      end.credits,
      JSON.stringify(end.tries),
      JSON.stringify(end.omittedParameters),
      end.cachedInputTokens,
      end.reasoningTokens,
      end.toolCalls === null ? null : JSON.stringify(end.toolCalls),
    ],
  );
  return ended[0];
}

/** Whether a generation has ended with the text of this attempt: whoever asks lost the answer to its commit. */
export async function isEndedAs(
  db: Db,
  { id, attempt, textAttempt = attempt }: AttemptRef,
): Promise<boolean> {
  const found = await rows(db, `SELECT 1 FROM generations WHERE id = $1 AND attempt = $2 AND NOT (${OPEN})`, [
    id,
    textAttempt,
  ]);
  return found.length > 0;
}

/** Adds a call of a provider that failed. Nothing is written for an attempt that is not the current one. */
export async function appendTry(db: Db, { id, attempt }: AttemptRef, failed: Try): Promise<void> {
  await rows(
    db,
    `UPDATE generations SET tries = tries || $3::jsonb
      WHERE id = $1 AND attempt = $2 AND status = 'streaming'`,
    [id, attempt, JSON.stringify([failed])],
  );
}

/** Marks a running attempt as handed over, so that its next claim is not an interruption. */
export async function releaseGeneration(db: Db, { id, attempt }: AttemptRef): Promise<void> {
  await rows(
    db,
    `UPDATE generations SET released_at = now() WHERE id = $1 AND attempt = $2 AND status = 'streaming'`,
    [id, attempt],
  );
}

/** Which message a generation writes, and how far it is. */
export type GenerationMessage = Pick<GenerationRecord, 'sessionId' | 'attempt' | 'status'> & {
  messageId: string;
};

/** Undefined for a title. */
export async function findGenerationMessage(db: Db, id: string): Promise<GenerationMessage | undefined> {
  const found = await rows<GenerationMessage>(
    db,
    `SELECT session_id AS "sessionId", message_id AS "messageId", attempt, status
       FROM generations WHERE id = $1 AND kind = 'reply'`,
    [id],
  );
  return found[0];
}
