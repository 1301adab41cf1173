import { expect } from 'chai';
import { type AdminStats, adminStatsSchema } from '../../src/contracts/routes/admin-stats.ts';
import {
  type ChatStats,
  chatStatsSchema,
  type UserStats,
  userStatsSchema,
} from '../../src/contracts/routes/stats.ts';
import type { UsageTotals } from '../../src/contracts/stats.ts';
import { rows } from '../../src/data/database.ts';
import { ProviderError, type ProviderEvent } from '../../src/providers/provider.ts';
import { useTestDatabase } from '../support/database.ts';
import { testModel } from '../support/models.ts';
import { type Asker, createPipeline, type Pipeline, SCRIPTED, type TestWorker } from '../support/pipeline.ts';
import type { RestClient } from '../support/rest-client.ts';
import { INR_PER_USD, type StatsApp, startStatsApp } from '../support/stats-app.ts';
import { until } from '../support/until.ts';

const text = (words: string): ProviderEvent => ({ type: 'text', text: words });
const finish: ProviderEvent = { type: 'finish', reason: 'stop' };
const failure: ProviderEvent = { type: 'error', error: new ProviderError('network', 'Broken off.') };
const usage = (inputTokens: number, outputTokens: number): ProviderEvent => ({
  type: 'usage',
  usage: { inputTokens, outputTokens },
});

const TITLES = 'script/b';
const CATALOGUE = [SCRIPTED, 'script/a', TITLES].map((id, n) =>
  testModel(id, {
    price: {
      creditsPer100Tokens: '7',
      usdPerMillionInput: `${1 + n}.1`,
      usdPerMillionCachedInput: '0',
      usdPerMillionOutput: `${4 + n}.7`,
    },
  }),
);
const NOTHING: UsageTotals = {
  requests: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  tokens: { input: 0, output: 0, total: 0 },
  cost: { usd: 0, inr: 0 },
  credits: 0,
};

describe('statistics', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let worker: TestWorker;
  let app: StatsApp;
  let admin: RestClient;
  let ann: Asker;
  let bob: Asker;

  before(async () => {
    pipeline = createPipeline(database(), CATALOGUE);
    worker = pipeline.worker({ titleModel: TITLES });
    app = await startStatsApp(database());
    admin = await app.admin();
    [ann, bob] = [await pipeline.asker(), await pipeline.asker()];
    await everyEnding();
  });
  after(async () => {
    await app.close();
    await pipeline.close();
  });

  /** Everything that can happen to a reply, and two titles. */
  async function everyEnding(): Promise<void> {
    const queued = pipeline.queue.enqueued;
    await answer(ann, SCRIPTED, [text('Because.'), usage(30, 70), finish]);
    await run(queued.at(-1) ?? '', [text('The sky'), usage(60, 40), finish]);
    await answer(ann, 'script/a', [text('So.'), usage(11, 3), finish]);
    await answer(ann, SCRIPTED, [text('Half an ans'), failure]);
    await answer(ann, SCRIPTED, [failure]);

    const waiting = await pipeline.ask(ann);
    expect(await pipeline.stopMessage(ann.userId, waiting.messageId)).to.equal('cancelled');

    const { messageId, generationId } = await pipeline.ask(ann);
    const before = pipeline.provider.streams.length;
    const running = worker.run(generationId);
    (await pipeline.provider.begun(before)).push(text('A long st'));
    await until('there is text', async () => (await pipeline.feed.live.read(liveKey(messageId))) !== null);
    expect(await pipeline.stopMessage(ann.userId, messageId)).to.equal('streaming');
    await running;

    await answer(bob, 'script/a', [text('Yes.'), usage(1_000, 2_000), finish]);
    await run(queued.at(-1) ?? '', [failure]);
  }

  const liveKey = (messageId: string) => ({ sessionId: ann.sessionId, messageId, attempt: 1 });

  async function answer(asker: Asker, model: string, events: ProviderEvent[]): Promise<void> {
    await run((await pipeline.ask(asker, 'Why?', model)).generationId, events);
  }

  async function run(generationId: string, events: ProviderEvent[]): Promise<void> {
    const before = pipeline.provider.streams.length;
    const served = worker.run(generationId);
    (await pipeline.provider.begun(before)).push(...events);
    await served;
  }

  /** The same sums, from the generations themselves. */
  async function summed(condition: string, params: unknown[] = []): Promise<UsageTotals> {
    const [sum] = await rows<
      Record<'completed' | 'failed' | 'cancelled' | 'input' | 'output', number> &
        Record<'usd' | 'inr' | 'credits', number>
    >(
      database().db,
      `SELECT count(*) FILTER (WHERE status = 'completed')::int AS completed,
              count(*) FILTER (WHERE status = 'failed')::int AS failed,
              count(*) FILTER (WHERE status = 'cancelled')::int AS cancelled,
              coalesce(sum(input_tokens), 0)::int AS input, coalesce(sum(output_tokens), 0)::int AS output,
              coalesce(sum(cost_usd), 0)::float8 AS usd, (coalesce(sum(cost_usd), 0) * ${INR_PER_USD})::float8 AS inr,
              coalesce(sum(credits), 0)::float8 AS credits
         FROM generations WHERE ${condition}`,
      params,
    );
    if (!sum) throw new Error('no sum');
    const { completed, failed, cancelled, input, output, usd, inr, credits } = sum;
    return {
      requests: completed + failed + cancelled,
      completed,
      failed,
      cancelled,
      tokens: { input, output, total: input + output },
      cost: { usd, inr },
      credits,
    };
  }

  const REPLIES = `kind = 'reply' AND user_id = $1`;

  it('of a user are the sums of the generations, however they ended', async () => {
    const stats = await app.as(ann.userId).get<UserStats>('/user/stats');
    userStatsSchema.strict().parse(stats);
    const sum = await summed(REPLIES, [ann.userId]);
    expect(sum).to.deep.include({ requests: 6, completed: 2, failed: 2, cancelled: 2 });
    expect(sum.tokens.total).to.be.greaterThan(114);
    expect(sum.cost.usd).to.be.greaterThan(0);
    for (const period of ['total', 'month', 'today'] as const) {
      expect(stats[period], period).to.deep.equal(sum);
    }
    expect(stats).to.deep.include({
      messagesGenerated: 2,
      tokensUsed: sum.tokens.total,
      totalCost: sum.cost,
    });
    expect(Math.abs(Date.parse(stats.lastActive ?? '') - Date.now())).to.be.lessThan(60_000);
  });

  it('of a user name the models, and every one of the last thirty days', async () => {
    const { models, days } = await app.as(ann.userId).get<UserStats>('/user/stats');
    expect(models).to.deep.equal([
      { model: SCRIPTED, ...(await summed(`${REPLIES} AND model = $2`, [ann.userId, SCRIPTED])) },
      { model: 'script/a', ...(await summed(`${REPLIES} AND model = $2`, [ann.userId, 'script/a'])) },
    ]);
    const today = new Date().toISOString().slice(0, 10);
    expect(days).to.have.length(30);
    expect(days.at(-1)).to.deep.equal({ day: today, ...(await summed(REPLIES, [ann.userId])) });
    const { day, ...first } = days[0] as UserStats['days'][number];
    expect(first).to.deep.equal(NOTHING);
    expect(Date.parse(today) - Date.parse(day)).to.equal(29 * 86_400_000);
  });

  it('of conversations count sessions and messages, and keep what a deleted session took', async () => {
    const client = app.as(ann.userId);
    const stats = await client.get<ChatStats>('/chat/stats');
    chatStatsSchema.strict().parse(stats);
    const sum = await summed(REPLIES, [ann.userId]);
    expect(stats).to.deep.include({ sessions: 1, messages: 12, ...sum });
    expect(stats.models.map(({ model }) => model)).to.deep.equal([SCRIPTED, 'script/a']);
    expect(stats.lastActivityAt).to.be.a('string');

    const cyd = await pipeline.asker();
    await answer(cyd, SCRIPTED, [text('Yes.'), usage(3, 4), finish]);
    await pipeline.sessions.remove(cyd.userId, cyd.sessionId);
    const { tokens, ...rest } = await app.as(cyd.userId).get<ChatStats>('/chat/stats');
    expect(tokens.total).to.equal(7);
    expect(rest).to.deep.include({ sessions: 0, messages: 0, requests: 1, lastActivityAt: null });
  });

  it('never hold anything of somebody else, nor of nobody', async () => {
    const stats = await app.as(bob.userId).get<UserStats>('/user/stats');
    expect(stats.total).to.deep.equal(await summed(REPLIES, [bob.userId]));
    expect(stats.models.map(({ model }) => model)).to.deep.equal(['script/a']);

    const { userId } = await pipeline.asker();
    const fresh = await app.as(userId).get<UserStats>('/user/stats');
    expect(fresh).to.deep.include({ total: NOTHING, month: NOTHING, today: NOTHING, models: [] });
    expect(await app.as(userId).get<ChatStats>('/chat/stats')).to.deep.include({ ...NOTHING, models: [] });
    for (const path of ['/user/stats', '/ai/usage']) {
      // An admin who never had an account of credits.
      await admin.refused('not_found', ['GET', path]);
    }
  });

  describe('of everybody', () => {
    const stats = (query = ''): Promise<AdminStats> => admin.get<AdminStats>(`/admin/stats${query}`);

    it('are the sums of all generations; titles are the house’s, apart', async () => {
      const found = await stats();
      adminStatsSchema.strict().parse(found);
      expect(found.totals).to.deep.equal(await summed(`kind = 'reply'`));
      const { requests, tokens, cost } = await summed(`kind = 'title'`);
      expect(requests).to.be.at.least(2);
      expect(found.houseCost).to.deep.equal({ requests, tokens: tokens.total, cost });
      expect(found.counts).to.deep.equal({ users: 5, activeUsers: 3, sessions: 3, runningGenerations: 1 });
      expect(found.groups).to.have.length(30);
      expect(found.groups.at(-1)).to.deep.equal({ key: found.to, ...found.totals });
      expect(found.groups.map(({ key }) => key)).to.deep.equal(found.groups.map(({ key }) => key).sort());
    });

    it('are taken apart by model, provider and user, the largest first', async () => {
      const byModel = await stats('?groupBy=model');
      expect(byModel.groups.map(({ key }) => key)).to.deep.equal(['script/a', SCRIPTED]);
      expect(byModel.groups[1]).to.deep.equal({
        key: SCRIPTED,
        ...(await summed(`kind = 'reply' AND model = $1`, [SCRIPTED])),
      });
      const byProvider = await stats('?groupBy=provider');
      expect(byProvider.groups).to.deep.equal([{ key: 'script', ...byProvider.totals }]);
      const byUser = await stats('?groupBy=user');
      expect(byUser.groups.map(({ key }) => key).slice(0, 2)).to.deep.equal([bob.userId, ann.userId]);
      expect(byUser.groups[1]).to.deep.equal({
        key: ann.userId,
        email: ann.userId,
        ...(await summed(REPLIES, [ann.userId])),
      });
    });

    it('show the largest alone, by cost or by tokens, and the echo as its own provider', async () => {
      for (const [day, model, tokens, usd] of [
        ['2020-02-28', 'echo', 500, 0],
        ['2020-02-29', 'openai/a', 50, 3],
        ['2020-02-29', 'openai/b', 40, 2],
        ['2020-03-01', 'openai/b', 7, 1],
      ]) {
        await rows(
          database().db,
          `INSERT INTO usage_days (user_id, day, model, kind, completed, output_tokens, cost_usd)
           VALUES ($1, $2, $3, 'reply', 1, $4, $5) RETURNING 1`,
          [bob.userId, day, model, tokens, usd],
        );
      }
      const range = 'from=2020-02-28&to=2020-02-29';
      const keys = async (query: string) => (await stats(`?${range}&${query}`)).groups.map(({ key }) => key);
      expect(await keys('groupBy=model')).to.deep.equal(['openai/a', 'openai/b', 'echo']);
      expect(await keys('groupBy=model&sort=tokens')).to.deep.equal(['echo', 'openai/a', 'openai/b']);
      expect(await keys('groupBy=model&limit=1')).to.deep.equal(['openai/a']);
      expect(await keys('groupBy=provider')).to.deep.equal(['openai', 'echo']);
      expect(await keys('groupBy=day&limit=1')).to.deep.equal(['2020-02-28', '2020-02-29']);
      const { totals, from, to } = await stats(`?${range}`);
      expect([totals.requests, totals.tokens.total, totals.cost.usd]).to.deep.equal([3, 590, 5]);
      expect([from, to]).to.deep.equal(['2020-02-28', '2020-02-29']);
      await rows(database().db, `DELETE FROM usage_days WHERE day < '2021-01-01' RETURNING 1`);
    });

    it('may reach over a leap year, and refuse what makes no sense, by name', async () => {
      expect((await stats('?from=2024-01-01&to=2024-12-31')).groups).to.have.length(366);
      expect((await stats('?to=2024-12-31')).from).to.equal('2024-12-02');
      for (const [query, ...fields] of [
        ['from=2023-12-31&to=2024-12-31', 'query.from'],
        ['from=2024-05-02&to=2024-05-01', 'query.from'],
        ['from=9999-12-31', 'query.from'],
        ['from=2023-02-29', 'query.from'],
        ['from=0000-01-01&to=0000-01-02', 'query.from', 'query.to'],
        ['from=yesterday&to=2024-5-1', 'query.from', 'query.to'],
        ['to=2024-05-01T00:00:00Z', 'query.to'],
        ['from=', 'query.from'],
        ['groupBy=session', 'query.groupBy'],
        ['groupBy=user&limit=101', 'query.limit'],
        ['limit=0', 'query.limit'],
        ['sort=email', 'query.sort'],
        ['user=me', 'query.user'],
        ['from=2024-01-01&from=2024-01-02', 'query.from'],
      ]) {
        await admin.refused('validation_failed', ['GET', `/admin/stats?${query}`], fields);
      }
    });

    it('are closed to users, and all of them to strangers', async () => {
      await app.as(ann.userId).refused('forbidden', ['GET', '/admin/stats']);
      for (const path of ['/user/stats', '/chat/stats', '/ai/usage', '/admin/stats']) {
        expect((await fetch(admin.url + path)).status, path).to.equal(401);
      }
    });
  });

  it('are exact for each user, day, model and kind', async () => {
    const key = `user_id, (completed_at AT TIME ZONE 'UTC')::date AS day, model, kind`;
    const wrong = await rows(
      database().db,
      `SELECT * FROM (
         SELECT ${key}, count(*) FILTER (WHERE status = 'completed') AS completed,
                count(*) FILTER (WHERE status = 'failed') AS failed,
                count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
                coalesce(sum(input_tokens), 0) AS input_tokens, coalesce(sum(output_tokens), 0) AS output_tokens,
                coalesce(sum(cost_usd), 0) AS cost_usd, coalesce(sum(credits), 0) AS credits
           FROM generations WHERE completed_at IS NOT NULL GROUP BY 1, 2, 3, 4) AS summed
         FULL JOIN usage_days AS counted USING (user_id, day, model, kind)
        WHERE (summed.completed, summed.failed, summed.cancelled, summed.input_tokens, summed.output_tokens,
               summed.cost_usd, summed.credits) IS DISTINCT FROM
              (counted.completed, counted.failed, counted.cancelled, counted.input_tokens, counted.output_tokens,
               counted.cost_usd, counted.credits)`,
    );
    expect(wrong).to.deep.equal([]);
    const kinds = await rows(database().db, 'SELECT DISTINCT kind FROM usage_days ORDER BY 1');
    expect(kinds).to.deep.equal([{ kind: 'reply' }, { kind: 'title' }]);
  });
});
