import { expect } from 'chai';
import { AppError } from '../../src/base/errors.ts';
import { newId } from '../../src/base/ids.ts';
import { rows } from '../../src/data/database.ts';
import { postEntry } from '../../src/data/repositories/ledger.ts';
import { EventChannel } from '../../src/providers/event-channel.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { random } from '../support/random.ts';
import { refusalOf } from '../support/refusal.ts';

const AT_ONCE = 50;
const MODELS = ['script/a', 'script/b', 'script/model'];

/** Answers everything at once. */
const prompt: Provider = {
  name: 'script',
  stream: (_request, signal) =>
    new EventChannel({
      signal,
      open: (channel) => {
        channel.push({ type: 'text', text: 'Because.' });
        channel.push({ type: 'usage', usage: { inputTokens: 2, outputTokens: 5 } });
        channel.push({ type: 'finish', reason: 'stop' });
      },
    }),
};

describe('requests that come at once', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;

  beforeEach(() => {
    // Nothing is tried again here: what PostgreSQL ends in favour of another fails the test.
    const { dataSource } = database();
    pipeline = createPipeline({ ...database(), transaction: (work) => dataSource.transaction(work) });
  });
  afterEach(() => pipeline.close());

  /** The sessions of one user. */
  async function sessionsOf(asker: Asker, count: number): Promise<Asker[]> {
    const ids = Array.from({ length: count - 1 }, () => newId());
    for (const id of ids) {
      const sql = `INSERT INTO sessions (id, user_id, model) VALUES ($1, $2, 'script/model')`;
      await rows(database().db, sql, [id, asker.userId]);
    }
    return [asker, ...ids.map((sessionId) => ({ ...asker, sessionId }))];
  }

  /** Has fifty questions asked at once; how many were admitted, and how the others were refused. */
  async function flood(sessions: Asker[]): Promise<Record<string, number>> {
    const outcomes: Record<string, number> = {};
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, n) => {
        const asked = pipeline.post(sessions[n % sessions.length] as Asker, { content: 'Why?' });
        const outcome = await asked.then(
          () => 'admitted',
          () => refusalOf(asked).then(({ code }) => code),
        );
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }),
    );
    return outcomes;
  }

  async function expectStored(ann: Asker, replies: number): Promise<void> {
    const [stored] = await rows(
      database().db,
      `SELECT held = $2 * 1.02 AS held, held_tokens = $2 * 102 AS tokens, running, day_requests AS day,
              (SELECT count(*)::int FROM generations WHERE user_id = $1) AS generations,
              (SELECT count(*)::int FROM messages WHERE user_id = $1) AS messages,
              (SELECT sum(message_count)::int FROM sessions WHERE user_id = $1) AS counted
         FROM accounts WHERE user_id = $1`,
      [ann.userId, replies],
    );
    expect(stored).to.deep.equal({
      ...{ held: true, tokens: true, running: replies, day: replies },
      ...{ generations: replies, messages: 2 * replies, counted: 2 * replies },
    });
  }

  for (const where of ['one session', 'ten sessions'] as const) {
    const sessions = async (ann: Asker) => sessionsOf(ann, where === 'one session' ? 1 : 10);

    it(`in ${where} have the credits of one for one of them`, async () => {
      const ann = await pipeline.asker({ credits: '2.039999' });
      expect(await flood(await sessions(ann))).to.deep.equal({ admitted: 1, insufficient_credits: 49 });
      await expectStored(ann, 1);
    });

    it(`in ${where} are admitted up to the limit of the day`, async () => {
      const ann = await pipeline.asker();
      await rows(database().db, `UPDATE users SET usage_limits = '{"dailyRequests": 3}' WHERE id = $1`, [
        ann.userId,
      ]);
      expect(await flood(await sessions(ann))).to.deep.equal({ admitted: 3, usage_limit_reached: 47 });
      await expectStored(ann, 3);
    });

    it(`in ${where} are admitted up to the tokens of the month, by what is held`, async () => {
      const ann = await pipeline.asker();
      await rows(database().db, `UPDATE users SET usage_limits = '{"monthlyTokens": 509}' WHERE id = $1`, [
        ann.userId,
      ]);
      expect(await flood(await sessions(ann))).to.deep.equal({ admitted: 4, usage_limit_reached: 46 });
      await expectStored(ann, 4);
    });

    it(`in ${where} are admitted up to the number that may run`, async () => {
      pipeline.limits.maxRunning = 5;
      const ann = await pipeline.asker();
      expect(await flood(await sessions(ann))).to.deep.equal({ admitted: 5, too_many_generations: 45 });
      await expectStored(ann, 5);
    });
  }

  it('with one key are one request, though there are credits for one alone', async () => {
    const ann = await pipeline.asker({ credits: '1.02' });
    const key = newId();
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, () => pipeline.post(ann, { content: 'Why?' }, key)),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).to.equal(1);
    await expectStored(ann, 1);
  });

  it('to stop sessions whose models are in another order do not block each other', async () => {
    const ann = await pipeline.asker();
    const sessions = await sessionsOf(ann, 20);
    for (const [n, session] of sessions.entries()) {
      const models = n % 2 === 0 ? MODELS : MODELS.toReversed();
      await pipeline.post(session, { content: 'Why?', models });
    }
    await Promise.all(sessions.map(({ userId, sessionId }) => pipeline.sessions.remove(userId, sessionId)));
    const [account] = await rows(
      database().db,
      'SELECT held::float8, held_tokens::int AS tokens, running FROM accounts WHERE user_id = $1',
      [ann.userId],
    );
    expect(account).to.deep.equal({ held: 0, tokens: 0, running: 0 });
    const counted = await rows(
      database().db,
      'SELECT model, cancelled FROM usage_days WHERE user_id = $1 ORDER BY model',
      [ann.userId],
    );
    expect(counted).to.deep.equal(MODELS.map((model) => ({ model, cancelled: 20 })));
  });

  it('and settlements, stops and movements of credits in many sessions of one user leave all in order', async function () {
    this.timeout(60_000);
    const OPERATIONS = 400;
    const LANES = 12;
    const { between } = random(5);
    const pick = <T>(all: T[]): T => all[between(0, all.length - 1)] as T;
    pipeline.limits.maxRunning = 12;
    pipeline.limits.window.orgCostUsd = 1_000;
    // What earlier tests left waits for no worker.
    await rows(
      database().db,
      'TRUNCATE generations, messages, sessions, usage_days, ledger_entries, users CASCADE',
    );
    const ann = await pipeline.asker({ credits: '6' });
    const sessions = await sessionsOf(ann, 8);
    const worker = pipeline.worker({ serves: [prompt] });
    const replies: string[] = [];
    /** A reply of each post, to be written again once. */
    const once: string[] = [];
    const refused = new Set<string>();
    const done = { posts: 0, runs: 0 };

    const operations: Record<string, () => Promise<unknown>> = {
      async post() {
        const models = MODELS.slice(0, between(1, 3));
        const key = between(0, 1) === 0 ? newId() : undefined;
        const body = { content: 'Why?', models: between(0, 1) === 0 ? models : models.toReversed() };
        const answer = await pipeline.post(pick(sessions), body, key);
        done.posts += 1;
        once.push(answer.replies[0]?.id ?? '');
        replies.push(...answer.replies.map(({ id }) => id));
      },
      async run() {
        const id = pipeline.queue.enqueued.shift();
        if (id) await worker.run(id);
        done.runs += id ? 1 : 0;
      },
      async stop() {
        if (replies.length > 0) await pipeline.stopMessage(ann.userId, pick(replies));
      },
      async regenerate() {
        const old = once.shift();
        if (!old) return;
        // By a model that nobody serves: it fails, and costs nothing.
        const answer = await pipeline.regenerate({ userId: ann.userId }, old, { model: 'other/first' });
        replies.push(...answer.replies.map(({ id }) => id));
      },
      async grant() {
        const entry = { id: newId(), userId: ann.userId, kind: 'adjustment', amount: '0.7' } as const;
        await database().dataSource.transaction((db) => postEntry(db, entry));
      },
    };
    const names = ['post', 'post', 'post', 'run', 'run', 'run', 'run', 'stop', 'regenerate', 'grant'];
    let left = OPERATIONS;
    const lane = async () => {
      while (left > 0) {
        left -= 1;
        await operations[pick(names)]?.().catch((error: unknown) => {
          if (!(error instanceof AppError)) throw error;
          refused.add(error.code);
        });
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    for (let id = pipeline.queue.enqueued.shift(); id; id = pipeline.queue.enqueued.shift())
      await worker.run(id);

    expect(done.posts).to.be.greaterThan(20);
    expect(done.runs).to.be.greaterThan(20);
    expect([...refused].sort()).to.deep.equal(['insufficient_credits', 'too_many_generations']);
    await expectInvariants(database());
    const [account] = await rows(
      database().db,
      'SELECT held::float8, held_tokens::int AS tokens, running FROM accounts WHERE user_id = $1',
      [ann.userId],
    );
    expect(account).to.deep.equal({ held: 0, tokens: 0, running: 0 });
  });
});
