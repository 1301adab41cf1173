import type { EndStatus } from '../../contracts/message.ts';
import { type Db, rows } from '../database.ts';
import type { GenerationKind } from '../entities/generation.ts';
import { prepared } from '../prepared.ts';
import { today } from './usage-counters.ts';

/** A generation that has ended, as the statistics count it. */
export interface EndedUsage {
  userId: string;
  /** The model that was asked. */
  model: string;
  kind: GenerationKind;
  status: EndStatus;
  inputTokens: number;
  outputTokens: number;
  /** US dollars, a decimal string. */
  costUsd: string;
  /** Credits, a decimal string. */
  credits: string;
}

/** Counts a generation into its user's day; in the transaction that ends it. */
export async function countUsage(db: Db, usage: EndedUsage): Promise<void> {
  const { userId, model, kind, status, inputTokens, outputTokens, costUsd, credits } = usage;
  await rows(
    db,
    prepared(`INSERT INTO usage_days AS day (user_id, day, model, kind, ${status}, input_tokens, output_tokens, cost_usd, credits)
     VALUES ($1, ${today}, $2, $3, 1, $4, $5, $6, $7)
     ON CONFLICT (user_id, day, model, kind) DO UPDATE SET
       ${status} = day.${status} + 1, input_tokens = day.input_tokens + $4, output_tokens = day.output_tokens + $5,
       cost_usd = day.cost_usd + $6, credits = day.credits + $7
     RETURNING day.day`),
    [userId, model, kind, inputTokens, outputTokens, costUsd, credits],
  );
}
