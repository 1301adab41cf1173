import { Decimal } from 'decimal.js';
import type { Cost } from '../contracts/message.ts';

/** Most decimals that are shown of an amount of money. */
const PLACES = 10;

/** An exact amount of US dollars in both currencies that are shown. */
export function presentCost(usd: string, inrPerUsd: number): Cost {
  const exact = new Decimal(usd);
  return { usd: exact.toNumber(), inr: exact.times(inrPerUsd).toDecimalPlaces(PLACES).toNumber() };
}
