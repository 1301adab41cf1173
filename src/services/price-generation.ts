import { Decimal } from 'decimal.js';
import type { ModelPrice } from '../data/entities/generation.ts';
import type { SettledUsage } from './attempt-end.ts';

/** Tokens that are paid for, and what the provider says that they cost. */
export type PricedTokens = Pick<
  SettledUsage,
  'inputTokens' | 'cachedInputTokens' | 'outputTokens' | 'costUsd'
>;

/** What a generation costs; decimal strings. */
export interface GenerationPrice {
  costUsd: string;
  credits: string;
}

/** A price as it may be stored: older generations were made when cached input had none of its own. */
type StoredPrice = Omit<ModelPrice, 'usdPerMillionCachedInput'> & { usdPerMillionCachedInput?: string };

/** Digits enough for any count of tokens times any price that is stored. */
const Exact = Decimal.clone({ precision: 60 });
/** Decimals of the columns that hold the amounts. */
const CREDIT_PLACES = 6;
const USD_PLACES = 10;
/** The largest amount that is believed; the column holds more. */
const MAX_USD = 1_000_000;

/**
 * What tokens cost. Exact, rounded half up to what the columns hold.
 *
 * @param shown what the user was shown: the price of the model that was asked. Credits are counted by it.
 * @param cost what the operator pays: the price of the model that answered. What the provider itself says goes first.
 */
export function priceGeneration(
  tokens: PricedTokens,
  shown: StoredPrice,
  cost: StoredPrice = shown,
): GenerationPrice {
  const credits = new Exact(tokens.inputTokens)
    .plus(tokens.outputTokens)
    .times(shown.creditsPer100Tokens)
    .div(100);
  const usd = toldCost(tokens.costUsd) ?? countedCost(tokens, cost);
  return { credits: round(credits, CREDIT_PLACES), costUsd: round(usd, USD_PLACES) };
}

function round(amount: Decimal, places: number): string {
  return amount.toFixed(places, Decimal.ROUND_HALF_UP);
}

/** What a provider says, unless it is no amount of money. */
function toldCost(costUsd: string | undefined): Decimal | undefined {
  if (costUsd === undefined || !/^\d+(\.\d+)?(e[-+]?\d+)?$/i.test(costUsd)) return undefined;
  const cost = new Exact(costUsd);
  return cost.lte(MAX_USD) ? cost : undefined;
}

function countedCost(
  { inputTokens, cachedInputTokens = 0, outputTokens }: PricedTokens,
  price: StoredPrice,
): Decimal {
  const cached = Math.min(cachedInputTokens, inputTokens);
  return new Exact(inputTokens - cached)
    .times(price.usdPerMillionInput)
    .plus(new Exact(cached).times(price.usdPerMillionCachedInput ?? price.usdPerMillionInput))
    .plus(new Exact(outputTokens).times(price.usdPerMillionOutput))
    .div(1_000_000);
}
