import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { rows } from '../../src/data/database.ts';
import { createPruneRecords } from '../../src/services/prune-records.ts';
import { useTestDatabase } from '../support/database.ts';
import { silentLog as log } from '../support/global.ts';

describe('pruning', () => {
  const database = useTestDatabase();
  const prune = (usageRetentionDays: number) =>
    createPruneRecords({ database: database(), usageRetentionDays, log })();

  beforeEach(() => database().db.query('TRUNCATE usage_days, org_windows'));

  /** A row of use so many days ago. */
  const use = (daysAgo: number, model = 'echo') =>
    rows(
      database().db,
      `INSERT INTO usage_days (user_id, day, model, kind)
       VALUES ($1, (now() AT TIME ZONE 'UTC')::date - $2::int, $3, 'reply') RETURNING 1`,
      [newId(), daysAgo, model],
    );

  const agesLeft = async () =>
    (
      await rows<{ age: number }>(
        database().db,
        `SELECT (now() AT TIME ZONE 'UTC')::date - day AS age FROM usage_days ORDER BY 1`,
      )
    ).map(({ age }) => age);

  it('keeps the statistics for ever unless told otherwise', async () => {
    await use(5_000);
    await prune(0);
    expect(await agesLeft()).to.deep.equal([5_000]);
  });

  it('deletes the days that are older than they are to be kept, and no other', async () => {
    for (const age of [0, 1, 29, 30, 31, 400]) await use(age);
    await prune(30);
    expect(await agesLeft()).to.deep.equal([0, 1, 29, 30]);
  });

  it('deletes more than one statement does, the oldest first, and no more than so much in one round', async () => {
    await rows(
      database().db,
      `INSERT INTO usage_days (user_id, day, model, kind)
       SELECT $1, (now() AT TIME ZONE 'UTC')::date - (n % 2 * 10 + 40), 'model ' || n, 'reply'
         FROM generate_series(1, 205000) n RETURNING 1`,
      [newId()],
    );
    await use(7);
    await prune(30);
    const left = await agesLeft();
    expect(left).to.have.length(5_001);
    expect([...new Set(left)]).to.deep.equal([7, 40]);
    await prune(30);
    expect(await agesLeft()).to.deep.equal([7]);
  });

  it('goes around what another process has in hand', async () => {
    await use(50, 'locked');
    await use(50, 'free');
    await database().transaction(async (db) => {
      await rows(db, `SELECT 1 FROM usage_days WHERE model = 'locked' FOR UPDATE`);
      await prune(30);
    });
    const left = await rows(database().db, 'SELECT model FROM usage_days');
    expect(left).to.deep.equal([{ model: 'locked' }]);
  });

  it('deletes the same where an operator has partitioned the days', async () => {
    await database().db.query(`
      ALTER TABLE usage_days RENAME TO usage_days_before;
      CREATE TABLE usage_days (LIKE usage_days_before INCLUDING DEFAULTS, PRIMARY KEY (user_id, day, model, kind)) PARTITION BY RANGE (day);
      ALTER TABLE usage_days ATTACH PARTITION usage_days_before FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
      CREATE TABLE usage_days_after PARTITION OF usage_days FOR VALUES FROM ('2020-01-01') TO (MAXVALUE)`);
    await use(0);
    await use(20_000);
    await prune(30);
    expect(await agesLeft()).to.deep.equal([0]);
  });

  it('deletes windows of the organisation after 400 days', async () => {
    for (const age of [399, 401]) {
      await rows(
        database().db,
        `INSERT INTO org_windows (window_start, cost_usd) VALUES (now() - $1 * interval '1 day', $1) RETURNING 1`,
        [age],
      );
    }
    await prune(0);
    const left = await rows(database().db, 'SELECT cost_usd::int AS age FROM org_windows');
    expect(left).to.deep.equal([{ age: 399 }]);
  });
});
