import { Decimal } from 'decimal.js';
import type { ModelPrice } from '../data/entities/generation.ts';

/** Tokens that are paid for. */
export interface PricedTokens {
  inputTokens: number;
  outputTokens: number;
}

/** What a generation costs; decimal strings. */
export interface GenerationPrice {
  costUsd: string;
  credits: string;
}

/** Decimals of the columns that hold the amounts. */
const CREDIT_PLACES = 6;
const USD_PLACES = 10;

/** What tokens cost at a price. Exact, rounded half up to what the columns hold. */
export function priceGeneration(
  { inputTokens, outputTokens }: PricedTokens,
  price: ModelPrice,
): GenerationPrice {
  const credits = new Decimal(inputTokens).plus(outputTokens).times(price.creditsPer100Tokens).div(100);
  const usd = new Decimal(inputTokens)
    .times(price.usdPerMillionInput)
    .plus(new Decimal(outputTokens).times(price.usdPerMillionOutput))
    .div(1_000_000);
  return { credits: credits.toFixed(CREDIT_PLACES), costUsd: usd.toFixed(USD_PLACES) };
}
