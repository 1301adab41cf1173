import { Decimal } from 'decimal.js';
import { now } from '../base/clock.ts';
import { addDays, dayOf, daysBetween } from '../base/days.ts';
import { notFound } from '../base/errors.ts';
import type { AiUsage } from '../contracts/routes/ai-usage.ts';
import { type ChatStats, SHOWN_DAYS, TOP_MODELS, type UserStats } from '../contracts/routes/stats.ts';
import { KEPT_KINDS } from '../contracts/session.ts';
import type { ModelUsage } from '../contracts/stats.ts';
import type { Database } from '../data/database.ts';
import type { AdmissionLimits, UsageState } from '../data/entities/usage.ts';
import { findUsageState } from '../data/repositories/accounts.ts';
import {
  findLastActivity,
  findUserUsage,
  sumSessions,
  type UserUsageRow,
} from '../data/repositories/usage-stats.ts';
import { NOTHING_USED, presentLimit, presentLimits, presentTotals } from '../presenters/stats.ts';

/** What a user has used. Nothing here reads messages or generations: it costs the same however many there are. */
export interface UserStatistics {
  /** @throws {AppError} `not_found` without an account */
  ofUser(userId: string): Promise<UserStats>;
  ofChat(userId: string): Promise<ChatStats>;
  /** @throws {AppError} `not_found` without an account */
  ofWindow(userId: string): Promise<AiUsage>;
}

/** What the statistics need. */
export interface UserStatisticsDeps {
  database: Pick<Database, 'db'>;
  limits: AdmissionLimits;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

const HOUR_S = 3_600;
const CHATS = ['chat'] as const;

/** Makes the statistics. */
export function createUserStatistics({
  database: { db },
  limits,
  inrPerUsd,
}: UserStatisticsDeps): UserStatistics {
  const totalsOf = (row: UserUsageRow | undefined) => presentTotals(row ?? NOTHING_USED, inrPerUsd);

  async function stateOf(userId: string): Promise<UsageState> {
    const state = await findUsageState(db, userId, limits);
    if (!state) throw notFound('account');
    return state;
  }

  function topModels(used: UserUsageRow[]): ModelUsage[] {
    return used
      .filter(({ scope }) => scope === 'model')
      .map((row) => ({ model: row.key ?? '', ...totalsOf(row) }))
      .sort((a, b) => b.tokens.total - a.tokens.total || (a.model < b.model ? -1 : 1))
      .slice(0, TOP_MODELS);
  }

  return {
    async ofUser(userId) {
      const state = await stateOf(userId);
      // The day as the database has it, which is the one that everything was counted in.
      const today = addDays(dayOf(state.dayEndsAt.getTime()), -1);
      const used = await findUserUsage(db, { userId, today, days: SHOWN_DAYS });
      const of = (scope: UserUsageRow['scope']) => used.filter((row) => row.scope === scope);
      const byDay = new Map(of('day').map((row) => [row.key, row]));
      const total = totalsOf(of('total')[0]);
      return {
        messagesGenerated: total.completed,
        tokensUsed: total.tokens.total,
        totalCost: total.cost,
        lastActive: (await findLastActivity(db, { userId, kinds: KEPT_KINDS }))?.toISOString() ?? null,
        total,
        month: totalsOf(of('month')[0]),
        today: totalsOf(byDay.get(today)),
        limits: presentLimits(state),
        models: topModels(used),
        days: daysBetween(addDays(today, 1 - SHOWN_DAYS), today).map((day) => ({
          day,
          ...totalsOf(byDay.get(day)),
        })),
      };
    },

    async ofChat(userId) {
      const used = await findUserUsage(db, { userId, today: dayOf(now()), days: 0 });
      return {
        ...(await sumSessions(db, { userId, kinds: CHATS })),
        ...totalsOf(used.find(({ scope }) => scope === 'total')),
        lastActivityAt: (await findLastActivity(db, { userId, kinds: CHATS }))?.toISOString() ?? null,
        models: topModels(used),
      };
    },

    async ofWindow(userId) {
      const state = await stateOf(userId);
      const { window } = limits;
      const { windowEndsAt: endsAt } = state;
      const ofAll = window.orgCostUsd !== undefined;
      const costUsd = new Decimal(ofAll ? state.orgCostUsd : state.windowCostUsd).toNumber();
      return {
        requests: presentLimit(state.windowRequests, window.requests, endsAt),
        tokens: presentLimit(state.windowTokens + state.heldTokens, window.tokens, endsAt),
        cost: {
          ...presentLimit(costUsd, window.orgCostUsd, endsAt),
          scope: ofAll ? ('organisation' as const) : ('user' as const),
        },
        windowHours: window.seconds / HOUR_S,
      };
    },
  };
}
