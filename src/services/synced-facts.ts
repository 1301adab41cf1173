import { Decimal } from 'decimal.js';
import type { ModelFacts } from '../data/entities/model.ts';
import type { ListedModel } from '../providers/provider.ts';
import { tierOf } from './catalogue-rules.ts';

/** Longest name that a model may have, so that its id is one that a request can hold; UTF-16 code units. */
const MAX_NAME = 180;
const MAX_TITLE = 200;
/** The largest number that a column for tokens holds. */
const MAX_TOKENS = 2_147_483_647;
/** Decimals of the columns that hold prices, and what is above all of them. */
const USD_PLACES = 10;
const MAX_USD = 1_000_000_000;

/** Whether a name can be one of a model here: one line of text that PostgreSQL and a URL can hold. */
export function isUsableName(name: string): boolean {
  return name.length > 0 && name.length <= MAX_NAME && name === name.trim() && !hasHarm(name);
}

/** What a provider tells of a model, without what makes no sense: that is as if it had not been told. */
export function toSyncedFacts(provider: string, listed: ListedModel): Partial<ModelFacts> {
  const facts: Partial<ModelFacts> = {};
  const title = listed.title?.trim().slice(0, MAX_TITLE);
  if (title && !hasHarm(title)) facts.title = title;
  if (listed.category) facts.category = listed.category;
  if (listed.capabilities) facts.capabilities = listed.capabilities;
  if (listed.parameters) facts.parameters = listed.parameters;
  if (isTokens(listed.contextLength)) facts.contextLength = listed.contextLength;
  if (isTokens(listed.maxOutputTokens)) facts.maxOutputTokens = listed.maxOutputTokens;

  const input = toUsd(listed.usdPerMillionInput);
  const cached = toUsd(listed.usdPerMillionCachedInput);
  const output = toUsd(listed.usdPerMillionOutput);
  if (input !== undefined) facts.usdPerMillionInput = input;
  if (cached !== undefined) facts.usdPerMillionCachedInput = cached;
  if (output !== undefined) facts.usdPerMillionOutput = output;
  const price = { ...(input === undefined ? {} : { input }), ...(output === undefined ? {} : { output }) };
  const tier = listed.tier ?? tierOf(provider, price);
  if (tier) facts.tier = tier;
  return facts;
}

function isTokens(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value > 0 && value <= MAX_TOKENS;
}

/** Some write `-1` for a price that depends. */
function toUsd(value: string | undefined): string | undefined {
  if (value === undefined || !/^\d{1,12}(\.\d+)?(e-?\d{1,2})?$/i.test(value)) return undefined;
  const usd = new Decimal(value);
  return usd.lessThan(MAX_USD) ? usd.toDecimalPlaces(USD_PLACES).toFixed() : undefined;
}

/** Control characters and lone surrogates. */
function hasHarm(text: string): boolean {
  return !text.isWellFormed() || /\p{Cc}/u.test(text);
}
