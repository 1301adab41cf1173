import { Decimal } from 'decimal.js';
import type { ModelPrice } from '../data/entities/generation.ts';
import { contextBudget } from './context-budget.ts';
import { countTokens } from './count-tokens.ts';
import type { Model } from './model-directory.ts';

/** What is set aside for a reply before it is written. */
export interface Hold {
  /** Credits, a decimal string. */
  hold: string;
  holdTokens: number;
}

/** Decimals of the columns that hold credits. */
const PLACES = 6;

/** What this many tokens cost, exactly as the database rounds it. */
export function creditsOf(tokens: number, { creditsPer100Tokens }: ModelPrice): string {
  return new Decimal(tokens).times(creditsPer100Tokens).div(100).toFixed(PLACES, Decimal.ROUND_HALF_UP);
}

/** What is asked, as far as its tokens are known before its context is read. */
export interface AskedPrompt {
  systemPrompt?: string | undefined;
  content: string;
  /** Tokens of the conversation up to here: what its last reply took. */
  historyTokens: number;
  /** Most tokens of the reply, where the session limits them. */
  maxTokens?: number | undefined;
}

/**
 * Sets aside what a reply will cost at least: its prompt, by estimate, and a reserve of output.
 *
 * @param reserveTokens tokens of output
 */
export async function estimateHolds(
  models: readonly Model[],
  { systemPrompt = '', content, historyTokens, maxTokens }: AskedPrompt,
  reserveTokens: number,
): Promise<Hold[]> {
  const asked = (await countTokens(content)) + (historyTokens > 0 ? 0 : await countTokens(systemPrompt));
  const output = Math.min(reserveTokens, maxTokens ?? reserveTokens);
  return models.map((model) => {
    const prompt = Math.max(asked, Math.min(asked + historyTokens, contextBudget(model, { maxTokens })));
    const holdTokens = prompt + output;
    return { hold: creditsOf(holdTokens, model.price), holdTokens };
  });
}
