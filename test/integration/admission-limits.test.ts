import { expect } from 'chai';
import { AppError } from '../../src/base/errors.ts';
import { rows } from '../../src/data/database.ts';
import type { UsageLimits } from '../../src/data/entities/usage.ts';
import { useTestDatabase } from '../support/database.ts';
import { testModel } from '../support/models.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { expectNothingWritten } from '../support/written.ts';

const MODEL = 'script/model';
/** A dollar for a million tokens. */
const COSTLY = 'script/costly';
const FREE_PRICE = testModel(MODEL).price;
/** As many as a message may ask. */
const LANES = Array.from({ length: 8 }, (_, n) => `script/lane-${n}`);
const CATALOGUE = [
  ...[MODEL, ...LANES].map((id) => testModel(id)),
  testModel(COSTLY, { price: { ...FREE_PRICE, usdPerMillionInput: '1', usdPerMillionOutput: '1' } }),
];

/** What a question holds: two tokens, and the reserve of a hundred. */
const HELD_TOKENS = 102;
const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

describe('limits at admission', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let ann: Asker;

  beforeEach(async () => {
    pipeline = createPipeline(database(), CATALOGUE);
    ann = await pipeline.asker();
  });
  afterEach(() => pipeline.close());

  const ask = (asker = ann, models = [MODEL]) => pipeline.post(asker, { content: 'Why?', models });

  /** What is told of a refusal, after which nothing was written. */
  async function refusal(asker = ann, models?: string[]): Promise<AppError> {
    let refused: unknown;
    await expectNothingWritten(database(), asker.userId, async () => {
      refused = await ask(asker, models).then(
        () => new Error('It was not refused.'),
        (error: unknown) => error,
      );
    });
    if (!(refused instanceof AppError)) throw refused;
    return refused;
  }

  /** Refused with `usage_limit_reached`, in these words; to be asked again between now and then. */
  async function expectOver(words: RegExp, { within = DAY_S, asker = ann, models = [MODEL] } = {}) {
    const { code, message, status, retryAfterSeconds } = await refusal(asker, models);
    expect({ code, status }).to.deep.equal({ code: 'usage_limit_reached', status: 429 });
    expect(message).to.match(words);
    expect(message).to.match(/ It begins anew at \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$/);
    expect(retryAfterSeconds).to.be.within(1, within);
  }

  const byUser = (limits: UsageLimits, asker = ann) =>
    rows(database().db, 'UPDATE users SET usage_limits = $2 WHERE id = $1', [asker.userId, limits]);
  const setRole = (role: string) =>
    rows(database().db, 'UPDATE users SET role = $2 WHERE id = $1', [ann.userId, role]);
  /** Sets what a user is said to have used. */
  const used = (assignments: string, asker = ann) =>
    rows(database().db, `UPDATE accounts SET ${assignments} WHERE user_id = $1`, [asker.userId]);
  const counters = async () =>
    (
      await rows<Record<string, number>>(
        database().db,
        `SELECT day_requests AS day, month_requests AS month, month_tokens::int AS tokens,
                window_requests AS "window", window_tokens::int AS "windowTokens", window_cost_usd::float8 AS cost
           FROM accounts WHERE user_id = $1`,
        [ann.userId],
      )
    )[0];

  const TODAY = "used_on = (now() AT TIME ZONE 'UTC')::date";
  const YESTERDAY = "used_on = (now() AT TIME ZONE 'UTC')::date - 1";
  /** The last day of the month before. */
  const LAST_MONTH = "used_on = date_trunc('month', now() AT TIME ZONE 'UTC')::date - 1";

  /** Has the oldest question that waits answered, with so many tokens. */
  async function answer(messageId: string | undefined, outputTokens: number): Promise<void> {
    const { id } = await pipeline.stored(messageId ?? '');
    const nth = pipeline.provider.streams.length;
    const run = pipeline.worker().run(id);
    (await pipeline.provider.begun(nth)).push(
      { type: 'text', text: 'Because.' },
      { type: 'usage', usage: { inputTokens: 2, outputTokens } },
      { type: 'finish', reason: 'stop' },
    );
    await run;
  }

  describe('by role', () => {
    beforeEach(() => {
      pipeline.limits.byRole = true;
    });

    const ROLES: [role: string, daily: number, monthly: number, tokens: number][] = [
      ['user', 50, 1_000, 100_000],
      ['viewer', 50, 1_000, 100_000],
      ['premium', 200, 5_000, 500_000],
      ['editor', 200, 5_000, 500_000],
    ];
    for (const [role, daily, monthly, tokens] of ROLES) {
      it(`let a ${role} have ${daily} replies a day, ${monthly} and ${tokens} tokens a month`, async () => {
        await setRole(role);
        await used(`${TODAY}, day_requests = ${daily - 1}`);
        await ask();
        await expectOver(
          new RegExp(`^Your account may have ${daily} replies a day; 0 are left, and this needs 1\\.`),
        );
        await used(`day_requests = 0, month_requests = ${monthly - 1}`);
        await ask();
        await expectOver(new RegExp(`^Your account may have ${monthly} replies a month; 0 `), {
          within: 31 * DAY_S,
        });
        await used(`month_requests = 0, month_tokens = ${tokens} - held_tokens - ${HELD_TOKENS}`);
        await ask();
        await expectOver(
          new RegExp(`^Your account may have ${tokens} tokens a month; 0 are left, and this needs 102`),
          {
            within: 31 * DAY_S,
          },
        );
      });
    }

    it('do not limit an admin, or a role that has none', async () => {
      await rows(database().db, "INSERT INTO roles (name) VALUES ('unlimited')");
      await used(`${TODAY}, day_requests = 1000000, month_requests = 1000000, month_tokens = 1000000000`);
      for (const role of ['admin', 'unlimited']) {
        await setRole(role);
        await ask();
      }
    });

    it('are not looked at when they are switched off', async () => {
      pipeline.limits.byRole = false;
      await used(`${TODAY}, day_requests = 1000000, month_requests = 1000000, month_tokens = 1000000000`);
      await ask();
    });
  });

  describe('by user', () => {
    it('count whether or not those of the roles do', async () => {
      await byUser({ dailyRequests: 1 });
      await ask();
      await expectOver(/^Your account may have 1 replies a day; 0 are left, and this needs 1\./);
      pipeline.limits.byRole = true;
      await expectOver(/^Your account may have 1 replies a day/);
    });

    it('stand before those of the role: higher, lower or none; what is left out is that of the role', async () => {
      pipeline.limits.byRole = true;
      await used(`${TODAY}, day_requests = 50`);
      await expectOver(/may have 50 replies a day/);
      await byUser({ dailyRequests: 51 });
      await ask();
      await expectOver(/may have 51 replies a day/);
      await byUser({ dailyRequests: null });
      await ask();
      await used('month_requests = 1000');
      await expectOver(/may have 1000 replies a month/, { within: 31 * DAY_S });
      await byUser({ dailyRequests: null, monthlyRequests: null });
      await ask();
      await byUser({ dailyRequests: 0 });
      await expectOver(/may have 0 replies a day; 0 are left/);
    });

    it('are for nobody else', async () => {
      await byUser({ dailyRequests: 0 });
      await ask(await pipeline.asker());
    });
  });

  describe('of a day and a month', () => {
    beforeEach(() => byUser({ dailyRequests: 3, monthlyRequests: 6, monthlyTokens: 1_000 }));

    it('count each of several models, all or none', async () => {
      await ask(ann, [MODEL, COSTLY]);
      await expectOver(/may have 3 replies a day; 1 are left, and this needs 2\./, {
        models: [MODEL, COSTLY],
      });
      await ask();
      expect(await counters()).to.deep.include({ day: 3, month: 3 });
    });

    it('count what was stopped, and not what was refused or only is stored', async () => {
      const { replies } = await ask();
      await ask();
      await ask();
      await refusal();
      await pipeline.post(ann, { role: 'assistant', content: 'A note' });
      await pipeline.stopMessage(ann.userId, replies[0]?.id ?? '');
      await expectOver(/may have 3 replies a day; 0 are left/);
      expect(await counters()).to.deep.include({ day: 3, month: 3 });
    });

    it('begin anew with a day; the month goes on', async () => {
      await used(`${YESTERDAY}, day_requests = 3, month_requests = 3`);
      const sameMonth = (
        await rows<{ same: boolean }>(
          database().db,
          `SELECT extract(day FROM now() AT TIME ZONE 'UTC') > 1 AS same`,
        )
      )[0]?.same;
      await ask();
      expect(await counters()).to.deep.include({ day: 1, month: sameMonth ? 4 : 1 });
    });

    it('of a request that began before midnight, and comes behind one that began after it, are those of the new day', async () => {
      const nextMonth = `used_on = (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month')::date`;
      const nextWindow = "window_start = now() + interval '1 second'";
      await used(`${nextMonth}, ${nextWindow}, day_requests = 1, month_requests = 2, window_requests = 3`);
      await ask();
      expect(await counters()).to.deep.include({ day: 2, month: 3, window: 4 });
      await ask();
      expect(await counters()).to.deep.include({ day: 3, month: 4, window: 5 });
    });

    it('begin anew with a month', async () => {
      await used(`${LAST_MONTH}, day_requests = 3, month_requests = 6, month_tokens = 1000`);
      await ask();
      expect(await counters()).to.deep.include({ day: 1, month: 1, tokens: 0 });
    });

    it('of the same month of another year are not those of this', async () => {
      await used(
        `used_on = ((now() AT TIME ZONE 'UTC')::date - interval '1 year')::date, month_requests = 6`,
      );
      await ask();
      expect(await counters()).to.deep.include({ month: 1 });
    });

    it('count tokens when they were taken, and what is open by what is held', async () => {
      await used(`${TODAY}, month_tokens = ${1_000 - 2 * HELD_TOKENS}`);
      const { replies } = await ask();
      await ask();
      await expectOver(/may have 1000 tokens a month; 0 are left, and this needs 102\./, {
        within: 31 * DAY_S,
      });
      await answer(replies[0]?.id, 3);
      // Five of the hundred and two were taken: 97 are left.
      expect(await counters()).to.deep.include({ tokens: 1_000 - 2 * HELD_TOKENS + 5 });
      await expectOver(/97 are left, and this needs/, { within: 31 * DAY_S });
    });
  });

  describe('of a window', () => {
    const WINDOW = { seconds: 2 * HOUR_S };

    it('count requests, and begin anew with it', async () => {
      Object.assign(pipeline.limits.window, WINDOW, { requests: 2 });
      await ask();
      await ask();
      await expectOver(/^Your account may have 2 replies in 2 hours; 0 are left, and this needs 1\./, {
        within: 2 * HOUR_S,
      });
      await used("window_start = window_start - interval '2 hours'");
      await ask();
      expect(await counters()).to.deep.include({ window: 1, day: 3 });
      await ask();
      await expectOver(/2 replies in 2 hours/, { within: 2 * HOUR_S });
    });

    it('are told as people say how long it is', async () => {
      Object.assign(pipeline.limits.window, { seconds: HOUR_S, requests: 0 });
      await expectOver(/^Your account may have 0 replies in an hour; /, { within: HOUR_S });
    });

    it('count tokens, and what is held', async () => {
      Object.assign(pipeline.limits.window, WINDOW, { tokens: 2 * HELD_TOKENS });
      const { replies } = await ask();
      await ask();
      await expectOver(/^Your account may have 204 tokens in 2 hours; 0 are left, and this needs 102\./, {
        within: 2 * HOUR_S,
      });
      await answer(replies[0]?.id, 100);
      expect(await counters()).to.deep.include({ windowTokens: 102 });
      await expectOver(/0 are left/, { within: 2 * HOUR_S });
      await used("window_start = window_start - interval '2 hours'");
      // One is still held, and this one has the answer to read as well.
      await expectOver(/102 are left, and this needs 204\./, { within: 2 * HOUR_S });
      pipeline.limits.window.tokens = 3 * HELD_TOKENS;
      expect((await ask()).replies).to.have.length(1);
    });

    it('count what all users together cost, and let begin what comes before it is reached', async () => {
      Object.assign(pipeline.limits.window, WINDOW, { orgCostUsd: 0.000_2 });
      const bob = await pipeline.asker();
      const first = await ask(ann, [COSTLY]);
      await answer(first.replies[0]?.id, 197);
      // 199 of 200 millionths.
      expect(await counters()).to.deep.include({ cost: 0.000_199 });
      const second = await ask(bob, [COSTLY]);
      await answer(second.replies[0]?.id, 0);
      for (const asker of [ann, bob]) {
        await expectOver(/^What all users of this server together may cost has been used up\./, {
          within: 2 * HOUR_S,
          asker,
        });
      }
      await rows(
        database().db,
        "UPDATE org_windows SET window_start = window_start - interval '2 hours' RETURNING 1",
      );
      await ask();
      await rows(database().db, 'DELETE FROM org_windows RETURNING 1');
    });

    it('is not added up where that is not limited', async () => {
      const { replies } = await ask(ann, [COSTLY]);
      await answer(replies[0]?.id, 100);
      expect(await rows(database().db, 'SELECT * FROM org_windows')).to.deep.equal([]);
    });
  });

  describe('of what runs at once', () => {
    beforeEach(() => {
      pipeline.limits.maxRunning = 5;
    });

    /** Refused because too many run. */
    async function expectTooMany(running: number, models?: string[]): Promise<void> {
      const { code, status, message, retryAfterSeconds } = await refusal(ann, models);
      expect({ code, status, retryAfterSeconds }).to.deep.equal({
        code: 'too_many_generations',
        status: 429,
        retryAfterSeconds: 5,
      });
      expect(message).to.equal(
        `${running} replies are being written for you, and at most 5 may be at once. Wait for one, or stop it.`,
      );
    }

    it('let five be written, and the sixth when one has ended', async () => {
      const replies = [];
      for (let n = 0; n < 5; n += 1) replies.push((await ask()).replies[0]?.id ?? '');
      await expectTooMany(5);
      await pipeline.stopMessage(ann.userId, replies[3] ?? '');
      await ask();
      await expectTooMany(5);
      await answer(replies[0], 1);
      await ask();
      await expectTooMany(5);
      await ask(await pipeline.asker());
    });

    it('let more models than that be asked at once where nothing is written, and not beside something', async () => {
      const alone = await ask();
      await expectTooMany(1, LANES);
      await pipeline.stopMessage(ann.userId, alone.replies[0]?.id ?? '');
      expect((await ask(ann, LANES)).replies).to.have.length(8);
      await expectTooMany(8);
    });
  });
});
