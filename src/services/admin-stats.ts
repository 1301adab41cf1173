import { now } from '../base/clock.ts';
import { addDays, countDays, dayOf, daysBetween } from '../base/days.ts';
import { invalidField } from '../base/errors.ts';
import {
  type AdminStats,
  type AdminStatsQuery,
  DEFAULT_STATS_DAYS,
  MAX_STATS_DAYS,
} from '../contracts/routes/admin-stats.ts';
import type { Database } from '../data/database.ts';
import {
  countActiveUsers,
  countSystem,
  type DayRange,
  type GroupSums,
  type KindSums,
  sumGroups,
  sumPeriod,
  sumTopUsers,
  type UserSums,
} from '../data/repositories/usage-stats.ts';
import { NOTHING_USED, presentTotals } from '../presenters/stats.ts';

/**
 * What everybody used in a period, from the days that are counted as generations end.
 *
 * @throws {AppError} `validation_failed` for a period that ends before it begins, or is too long
 */
export type ReadAdminStats = (query: AdminStatsQuery) => Promise<AdminStats>;

/** Makes the statistics. `inrPerUsd`: rupees per US dollar. */
export function createAdminStats({
  database: { db },
  inrPerUsd,
}: {
  database: Pick<Database, 'db'>;
  inrPerUsd: number;
}): ReadAdminStats {
  return async (query) => {
    const { groupBy } = query;
    const range = rangeOf(query);
    const kinds = await sumPeriod(db, range);
    const groups = await groupsOf(range, query);
    const activeUsers = await countActiveUsers(db, range);
    const { users, sessions, runningGenerations } = await countSystem(db);
    const replies = kinds.find(({ kind }) => kind === 'reply');
    return {
      ...range,
      groupBy,
      totals: presentTotals(replies ?? NOTHING_USED, inrPerUsd),
      houseCost: presentHouse(kinds.find(({ kind }) => kind === 'title')),
      groups: groups.map(({ key, email, ...sums }) => ({
        key,
        ...(email !== undefined && { email }),
        ...presentTotals(sums, inrPerUsd),
      })),
      counts: { users, activeUsers, sessions, runningGenerations },
    };
  };

  async function groupsOf(range: DayRange, { groupBy, sort, limit }: AdminStatsQuery): Promise<AnyGroup[]> {
    if (groupBy === 'user') return sumTopUsers(db, { ...range, sort, limit });
    if (groupBy !== 'day') return sumGroups(db, { ...range, groupBy, sort, limit });
    return everyDay(range, await sumGroups(db, { ...range, groupBy, sort, limit: MAX_STATS_DAYS }));
  }

  function presentHouse(titles: KindSums | undefined): AdminStats['houseCost'] {
    const { requests, tokens, cost } = presentTotals(titles ?? NOTHING_USED, inrPerUsd);
    return { requests, tokens: tokens.total, cost };
  }
}

/** A group; with an address where it is a user's. */
type AnyGroup = GroupSums & Partial<Pick<UserSums, 'email'>>;

/** The period that is asked for. */
function rangeOf({ from: begin, to: end }: AdminStatsQuery): DayRange {
  const to = end ?? dayOf(now());
  const from = begin ?? addDays(to, 1 - DEFAULT_STATS_DAYS);
  const days = countDays(from, to);
  if (days < 1) throw invalidField('query.from', `must not be after ${end === undefined ? 'today' : '`to`'}`);
  if (days > MAX_STATS_DAYS)
    throw invalidField('query.from', `must be at most ${MAX_STATS_DAYS} days before \`to\``);
  return { from, to };
}

/** The days of a period in order, those without use too. */
function everyDay({ from, to }: DayRange, found: GroupSums[]): GroupSums[] {
  const byDay = new Map(found.map((group) => [group.key, group]));
  return daysBetween(from, to).map((key) => byDay.get(key) ?? { ...NOTHING_USED, key });
}
