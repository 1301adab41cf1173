import { Decimal } from 'decimal.js';
import { AppError } from '../base/errors.ts';
import type { AdmissionLimits, UsageState } from '../data/entities/usage.ts';
import { inWords } from './duration-words.ts';
import type { Hold } from './hold.ts';

/** What was asked for. */
export interface RefusedTurn extends Hold {
  /** Replies. */
  replies: number;
}

/** Seconds after which a user with too many running replies may try again. */
const RUNNING_RETRY_S = 5;

/**
 * Why a turn was not admitted, for people; undefined when it would be by now.
 *
 * @returns `usage_limit_reached`, `too_many_generations` or `insufficient_credits`
 */
export function explainRefusal(
  state: UsageState,
  asked: RefusedTurn,
  { window, maxRunning }: AdmissionLimits,
): AppError | undefined {
  const over = limitsOf(state, asked, window).find(
    ({ used, more, limit }) => limit != null && used + more > limit,
  );
  return (
    (over && overLimit(over)) ??
    overOrgCost(state, window) ??
    tooManyRunning(state, asked.replies, maxRunning) ??
    tooFewCredits(state, asked.hold)
  );
}

/** One thing of which a user may have so much in so long. */
interface Limited {
  what: string;
  used: number;
  /** What is asked for. */
  more: number;
  /** None: no limit. */
  limit: number | null | undefined;
  endsAt: Date;
}

function limitsOf(
  state: UsageState,
  { replies, holdTokens }: RefusedTurn,
  window: AdmissionLimits['window'],
) {
  const { limits, heldTokens, dayEndsAt, monthEndsAt, windowEndsAt } = state;
  const per = `in ${inWords(window.seconds)}`;
  const [day, month, inWindow] = [{ endsAt: dayEndsAt }, { endsAt: monthEndsAt }, { endsAt: windowEndsAt }];
  const requests = { more: replies };
  const tokens = { more: holdTokens };
  const all: Limited[] = [
    { ...day, ...requests, what: 'replies a day', used: state.dayRequests, limit: limits.dailyRequests },
    {
      ...month,
      ...requests,
      what: 'replies a month',
      used: state.monthRequests,
      limit: limits.monthlyRequests,
    },
    {
      ...month,
      ...tokens,
      what: 'tokens a month',
      used: state.monthTokens + heldTokens,
      limit: limits.monthlyTokens,
    },
    { ...inWindow, ...requests, what: `replies ${per}`, used: state.windowRequests, limit: window.requests },
    {
      ...inWindow,
      ...tokens,
      what: `tokens ${per}`,
      used: state.windowTokens + heldTokens,
      limit: window.tokens,
    },
  ];
  return all;
}

function overLimit({ what, used, more, limit, endsAt }: Limited): AppError {
  const left = Math.max(0, (limit ?? 0) - used);
  return limitReached(
    `Your account may have ${limit} ${what}; ${left} are left, and this needs ${more}.`,
    endsAt,
  );
}

function overOrgCost(
  { orgCostUsd, windowEndsAt }: UsageState,
  { orgCostUsd: limit }: AdmissionLimits['window'],
) {
  if (limit === undefined || new Decimal(orgCostUsd).lt(limit)) return undefined;
  return limitReached('What all users of this server together may cost has been used up.', windowEndsAt);
}

function limitReached(what: string, endsAt: Date): AppError {
  const at = `${endsAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return new AppError('usage_limit_reached', `${what} It begins anew at ${at}.`, {
    retryAfterSeconds: Math.max(1, (endsAt.getTime() - Date.now()) / 1_000),
  });
}

function tooManyRunning({ running }: UsageState, replies: number, maxRunning: number): AppError | undefined {
  if (running === 0 || running + replies <= maxRunning) return undefined;
  return new AppError(
    'too_many_generations',
    `${running} replies are being written for you, and at most ${maxRunning} may be at once. Wait for one, or stop it.`,
    { retryAfterSeconds: RUNNING_RETRY_S },
  );
}

function tooFewCredits({ balance, held }: UsageState, hold: string): AppError | undefined {
  const available = new Decimal(balance).minus(held);
  if (available.gte(hold)) return undefined;
  // Rounded apart, so that the first is always shown as more than the second.
  const needed = new Decimal(hold).toDecimalPlaces(2, Decimal.ROUND_CEIL);
  const there = available.toDecimalPlaces(2, Decimal.ROUND_FLOOR);
  return new AppError(
    'insufficient_credits',
    `This needs about ${needed} credits, and ${there} are available.`,
  );
}
