import { expect } from 'chai';
import type { AdminStats } from '../../src/contracts/routes/admin-stats.ts';
import type { AiUsage } from '../../src/contracts/routes/ai-usage.ts';
import { aiUsageSchema } from '../../src/contracts/routes/ai-usage.ts';
import type { UserStats } from '../../src/contracts/routes/stats.ts';
import { type Database, rows } from '../../src/data/database.ts';
import type { AdmissionLimits } from '../../src/data/entities/usage.ts';
import type { ProviderEvent } from '../../src/providers/provider.ts';
import { useTestDatabase } from '../support/database.ts';
import { NO_LIMITS } from '../support/limits.ts';
import { testModel } from '../support/models.ts';
import { type MovedClock, moveClock } from '../support/moved-clock.ts';
import { type Asker, createPipeline, type Pipeline, SCRIPTED } from '../support/pipeline.ts';
import { startStatsApp } from '../support/stats-app.ts';

const ANSWER: ProviderEvent[] = [
  { type: 'text', text: 'Yes.' },
  { type: 'usage', usage: { inputTokens: 30, outputTokens: 70 } },
  { type: 'finish', reason: 'stop' },
];
/** A million tokens cost a dollar: an answer is 100 of them. */
const MODEL = testModel(SCRIPTED, {
  price: {
    creditsPer100Tokens: '1',
    usdPerMillionInput: '1',
    usdPerMillionCachedInput: '1',
    usdPerMillionOutput: '1',
  },
});
const USD = 0.0001;

/** All answers that have begun. */
async function answer(pipeline: Pipeline, asker: Asker): Promise<void> {
  const before = pipeline.provider.streams.length;
  const { generationId } = await pipeline.ask(asker);
  const run = pipeline.worker().run(generationId);
  (await pipeline.provider.begun(before)).push(...ANSWER);
  await run;
}

describe('the periods of statistics', () => {
  const opened = useTestDatabase();
  let clock: MovedClock;
  let database: Database;
  let pipeline: Pipeline;

  before(async () => {
    clock = await moveClock(opened());
    database = clock.database;
    pipeline = createPipeline(database, [MODEL]);
  });
  after(async () => {
    await pipeline.close();
    await database.close();
  });

  it('begin and end at midnight of UTC, where a reply counts on the day that it ends', async () => {
    const app = await startStatsApp(database);
    try {
      await clock.set('2026-03-31T23:59:59.999Z');
      const ann = await pipeline.asker();
      await answer(pipeline, ann);
      await answer(pipeline, ann);
      // Asked on the last day of March, answered on the first of April.
      const { generationId } = await pipeline.ask(ann);
      const run = pipeline.worker().run(generationId);
      const stream = await pipeline.provider.begun(2);
      await clock.set('2026-04-01T00:00:00Z');
      stream.push(...ANSWER);
      await run;

      const { total, month, today, days } = await app.as(ann.userId).get<UserStats>('/user/stats');
      expect([total.requests, month.requests, today.requests]).to.deep.equal([3, 1, 1]);
      expect(days.slice(-3).map(({ day, requests }) => [day, requests])).to.deep.equal([
        ['2026-03-30', 0],
        ['2026-03-31', 2],
        ['2026-04-01', 1],
      ]);

      const admin = await app.admin();
      const of = async (from: string, to = from) =>
        (await admin.get<AdminStats>(`/admin/stats?from=${from}&to=${to}`)).totals.requests;
      expect(await of('2026-03-31')).to.equal(2);
      expect(await of('2026-04-01')).to.equal(1);
      expect(await of('2026-03-31', '2026-04-01')).to.equal(3);

      await clock.set('2026-04-30T23:59:59.999Z');
      const later = await app.as(ann.userId).get<UserStats>('/user/stats');
      expect([later.month.requests, later.today.requests]).to.deep.equal([1, 0]);
      expect(later.days[0]).to.deep.include({ day: '2026-04-01', requests: 1 });
      await clock.set('2026-05-01T00:00:00Z');
      const next = await app.as(ann.userId).get<UserStats>('/user/stats');
      expect([next.total.requests, next.month.requests]).to.deep.equal([3, 0]);
      expect(next.days.every(({ requests }) => requests === 0)).to.equal(true);
    } finally {
      await app.close();
    }
  });

  it('are those of the limits, with when each begins anew', async () => {
    const app = await startStatsApp(database, { ...NO_LIMITS, byRole: true });
    try {
      await clock.set('2026-05-31T22:30:00Z');
      const ann = await pipeline.asker();
      await answer(pipeline, ann);
      const waiting = await pipeline.ask(ann);
      const { heldTokens } = await heldOf(ann);
      expect(heldTokens).to.be.greaterThan(100);
      const limits = async () => (await app.as(ann.userId).get<UserStats>('/user/stats')).limits;
      const [day, month] = ['2026-06-01T00:00:00.000Z', '2026-06-01T00:00:00.000Z'];
      expect(await limits()).to.deep.equal({
        dailyRequests: { used: 2, limit: 50, resetAt: day },
        monthlyRequests: { used: 2, limit: 1000, resetAt: month },
        monthlyTokens: { used: 100 + heldTokens, limit: 100_000, resetAt: month },
      });

      await pipeline.stopMessage(ann.userId, waiting.messageId);
      await rows(database.db, 'UPDATE users SET usage_limits = $2 WHERE id = $1 RETURNING 1', [
        ann.userId,
        { dailyRequests: null, monthlyTokens: 7 },
      ]);
      expect(await limits()).to.deep.equal({
        dailyRequests: { used: 2, limit: null, resetAt: day },
        monthlyRequests: { used: 2, limit: 1000, resetAt: month },
        monthlyTokens: { used: 100, limit: 7, resetAt: month },
      });
      await clock.set('2026-06-01T00:00:00Z');
      expect(await limits()).to.deep.equal({
        dailyRequests: { used: 0, limit: null, resetAt: '2026-06-02T00:00:00.000Z' },
        monthlyRequests: { used: 0, limit: 1000, resetAt: '2026-07-01T00:00:00.000Z' },
        monthlyTokens: { used: 0, limit: 7, resetAt: '2026-07-01T00:00:00.000Z' },
      });
    } finally {
      await app.close();
    }
  });

  describe('of the window', () => {
    const window = { seconds: 6 * 3_600, requests: 20, tokens: 5_000, orgCostUsd: undefined };

    async function usageOf(asker: Asker, limits: AdmissionLimits): Promise<AiUsage> {
      const app = await startStatsApp(database, limits);
      try {
        return aiUsageSchema.strict().parse(await app.as(asker.userId).get('/ai/usage'));
      } finally {
        await app.close();
      }
    }

    /** A pipeline with these limits, and two users who have had an answer. */
    async function answered(limits: AdmissionLimits): Promise<[Asker, Asker]> {
      const limited = createPipeline(database, [MODEL]);
      Object.assign(limited.limits.window, limits.window);
      try {
        const [ann, bob] = [await limited.asker(), await limited.asker()];
        await answer(limited, ann);
        await answer(limited, bob);
        return [ann, bob];
      } finally {
        await limited.close();
      }
    }

    it('are one’s own, cost too where the organisation has no limit', async () => {
      await clock.set('2026-07-01T07:00:00Z');
      const limits = { ...NO_LIMITS, window };
      const [ann] = await answered(limits);
      const resetAt = '2026-07-01T12:00:00.000Z';
      expect(await usageOf(ann, limits)).to.deep.equal({
        requests: { used: 1, limit: 20, resetAt },
        tokens: { used: 100, limit: 5_000, resetAt },
        cost: { used: USD, limit: null, resetAt, scope: 'user' },
        windowHours: 6,
      });
      const none = { ...window, requests: undefined, tokens: undefined };
      const { requests, tokens } = await usageOf(ann, { ...NO_LIMITS, window: none });
      expect([requests.limit, tokens.limit]).to.deep.equal([null, null]);

      await clock.set('2026-07-01T12:00:00Z');
      const next = await usageOf(ann, limits);
      expect([next.requests.used, next.tokens.used, next.cost.used]).to.deep.equal([0, 0, 0]);
      expect(next.cost.resetAt).to.equal('2026-07-01T18:00:00.000Z');
    });

    it('are everybody’s together in what they cost where that is limited', async () => {
      await clock.set('2026-07-02T07:00:00Z');
      const limits = { ...NO_LIMITS, window: { ...window, orgCostUsd: 2.5 } };
      const [ann] = await answered(limits);
      const { requests, cost } = await usageOf(ann, limits);
      expect(requests.used).to.equal(1);
      expect(cost).to.deep.equal({
        used: 2 * USD,
        limit: 2.5,
        resetAt: '2026-07-02T12:00:00.000Z',
        scope: 'organisation',
      });
    });
  });

  async function heldOf({ userId }: Asker): Promise<{ heldTokens: number }> {
    const sql = 'SELECT held_tokens::int AS "heldTokens" FROM accounts WHERE user_id = $1';
    const [held] = await rows<{ heldTokens: number }>(database.db, sql, [userId]);
    return held ?? { heldTokens: 0 };
  }
});
