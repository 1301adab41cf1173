import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { rows } from '../../src/data/database.ts';
import { closeUsage } from '../../src/data/repositories/closed-usage.ts';
import {
  countActiveUsers,
  type DayRange,
  sumGroups,
  sumPeriod,
  sumTopUsers,
} from '../../src/data/repositories/usage-stats.ts';
import { useTestDatabase } from '../support/database.ts';
import { random } from '../support/random.ts';

/** Days before today that have use: more than two whole months. */
const DAYS = 130;

describe('days of use that are over', () => {
  const database = useTestDatabase();
  const chance = random();
  const below = (end: number) => chance.between(0, end - 1);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const users = Array.from({ length: 5 }, newId);

  const close = () => database().transaction(closeUsage);
  const use = (daysAgo: number) =>
    rows(
      database().db,
      `INSERT INTO usage_days (user_id, day, model, kind, completed, failed, cancelled, input_tokens, output_tokens, cost_usd, credits)
       SELECT $1, (now() AT TIME ZONE 'UTC')::date - $2::int, $3, $4, $5, 1, 2, 10 * $5::int, $5, 0.0000000001 * $5, 0.000001 * $5
       ON CONFLICT DO NOTHING RETURNING 1`,
      [
        pick(users),
        daysAgo,
        pick(['echo', 'openai/a', 'openai/b']),
        pick(['reply', 'reply', 'title']),
        below(1_000),
      ],
    );
  const dayAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  const look = async (range: DayRange) => {
    const { db } = database();
    const largest = { ...range, sort: 'cost', limit: 400 } as const;
    return {
      kinds: (await sumPeriod(db, range)).sort((a, b) => a.kind.localeCompare(b.kind)),
      active: await countActiveUsers(db, range),
      days: await sumGroups(db, { ...largest, groupBy: 'day' }),
      models: await sumGroups(db, { ...largest, groupBy: 'model' }),
      providers: await sumGroups(db, { ...largest, groupBy: 'provider', sort: 'tokens' }),
      users: await sumTopUsers(db, { ...largest, limit: 3 }),
    };
  };

  before(async () => {
    for (let row = 0; row < 1_000; row += 1) await use(below(DAYS));
  });

  it(`are told the same once they are added up, whatever the period (seed ${chance.seed})`, async () => {
    const ranges = Array.from({ length: 40 }, () => {
      const [a, b] = [below(DAYS + 5), below(DAYS + 5)];
      return { from: dayAgo(Math.max(a, b)), to: dayAgo(Math.min(a, b)) };
    });
    ranges.push({ from: dayAgo(365), to: dayAgo(0) }, { from: dayAgo(0), to: dayAgo(0) });
    const before = await Promise.all(ranges.map(look));
    await close();
    for (const [index, range] of ranges.entries()) {
      expect(await look(range), JSON.stringify(range)).to.deep.equal(before[index]);
    }

    // Adding up once more adds nothing, and today goes on.
    await Promise.all([close(), close()]);
    expect(await Promise.all(ranges.map(look))).to.deep.equal(before);
    const today = { from: dayAgo(0), to: dayAgo(0) };
    const [old] = await sumPeriod(database().db, today);
    for (let row = 0; row < 20; row += 1) await use(0);
    const [now] = await sumPeriod(database().db, today);
    expect(now?.failed).to.be.greaterThan(old?.failed ?? 0);
  });

  it('are read from what was added up, not from each user again', async () => {
    const year = { from: dayAgo(365), to: dayAgo(0) };
    const { days } = await look(year);
    await rows(
      database().db,
      `DELETE FROM usage_days WHERE day < (SELECT days_before FROM usage_closed) RETURNING 1`,
    );
    const after = await look(year);
    expect(after.days).to.deep.equal(days);
    expect(after.active).to.be.greaterThan(0);
  });
});
