import { Decimal } from 'decimal.js';
import type { ModelPrice } from '../data/entities/generation.ts';
import { contextBudget } from './context-budget.ts';
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

/** How much is asked, as far as it is known before its context is read. */
export interface AskedTokens {
  /** Of what is asked anew. */
  asked: number;
  /** Of the conversation up to here: what its last reply took. */
  history: number;
  /** Most of the reply, where that is limited. */
  maxTokens?: number | undefined;
}

/**
 * Sets aside what a reply will cost at least: its prompt, by estimate, and a reserve of output.
 *
 * @param reserveTokens tokens of output
 */
export function estimateHold(
  model: Model,
  { asked, history, maxTokens }: AskedTokens,
  reserveTokens: number,
): Hold {
  const output = Math.min(reserveTokens, maxTokens ?? reserveTokens);
  const prompt = Math.max(asked, Math.min(asked + history, contextBudget(model, { maxTokens })));
  const holdTokens = prompt + output;
  return { hold: creditsOf(holdTokens, model.price), holdTokens };
}
