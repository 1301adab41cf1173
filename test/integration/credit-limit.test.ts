import { expect } from 'chai';
import { userRoom } from '../../src/contracts/events.ts';
import { rows } from '../../src/data/database.ts';
import { growHold } from '../../src/data/repositories/accounts.ts';
import { claimGeneration, FIRST_ATTEMPT } from '../../src/data/repositories/generations.ts';
import { guardProvider } from '../../src/providers/guard-provider.ts';
import type { ProviderEvent } from '../../src/providers/provider.ts';
import { countTokens } from '../../src/services/count-tokens.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectInvariants } from '../support/invariants.ts';
import { testModel } from '../support/models.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { refusalOf } from '../support/refusal.ts';
import { until } from '../support/until.ts';

/** A token wherever it stands; a hundred of them cost a credit. */
const WORD = ' word';
const text = (tokens: number): ProviderEvent => ({ type: 'text', text: WORD.repeat(tokens) });
const reasoning = (tokens: number): ProviderEvent => ({ type: 'reasoning', text: WORD.repeat(tokens) });
const finish: ProviderEvent = { type: 'finish', reason: 'stop' };
const PATIENT = { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 60_000 };
/** What is asked: one token. Its hold: 101 tokens. */
const QUESTION = 'Why';

/** Growths that wait for a row that somebody else has. */
const WAITING_GROWTHS = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
   AND query LIKE '%WITH mine AS%' AND pid <> pg_backend_pid()`;

describe('a reply whose hold grows with its text', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;

  beforeEach(() => {
    const models = [testModel('script/model'), testModel('script/gratis')];
    for (const model of models) {
      if (model.id === 'script/gratis') model.price = { ...model.price, creditsPer100Tokens: '0' };
    }
    pipeline = createPipeline(database(), models);
  });
  afterEach(async function () {
    await pipeline.close();
    if (this.currentTest?.state === 'passed') await expectInvariants(database());
  });

  /** What is set aside for a generation, and what of its user is. */
  async function held(generationId: string) {
    const [found] = await rows<{
      hold: number;
      tokens: number;
      held: number;
      heldTokens: number;
      balance: number;
    }>(
      database().db,
      `SELECT hold::float8, hold_tokens AS tokens, held::float8, held_tokens::int AS "heldTokens", balance::float8
         FROM generations JOIN accounts USING (user_id) WHERE id = $1`,
      [generationId],
    );
    if (!found) throw new Error('no such generation');
    return found;
  }

  /** Asks, and has a worker begin. */
  async function begun(asker: Asker, overdraft: string, model?: string) {
    const number = pipeline.provider.streams.length;
    const asked = await pipeline.ask(asker, QUESTION, model);
    const worker = pipeline.worker({ overdraft, serves: [guardProvider(pipeline.provider, PATIENT)] });
    const run = worker.run(asked.generationId);
    const stream = await pipeline.provider.begun(number);
    return { ...asked, worker, run, stream };
  }

  /** Ended by the credits, with so many tokens of text, and charged for them and the question. */
  async function expectLimited(messageId: string, tokens: number) {
    expect(await pipeline.stored(messageId)).to.deep.include({
      status: 'completed',
      finishReason: 'credit_limit',
      errorCode: null,
      inputTokens: 1,
      outputTokens: tokens,
      usageEstimated: true,
      credits: ((tokens + 1) / 100).toFixed(6),
    });
    expect(await pipeline.content(messageId)).to.equal(WORD.repeat(tokens));
  }

  /** Takes an account: whoever wants it waits until it is let go. */
  async function lockAccount({ userId }: Asker) {
    const runner = database().dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT FROM accounts WHERE user_id = $1 FOR UPDATE', [userId]);
    return async () => {
      await runner.commitTransaction();
      await runner.release();
    };
  }

  const growthWaits = () =>
    until('a growth waits', async () => (await rows(database().db, `SELECT ${WAITING_GROWTHS}`)).length > 0);

  it('sets more aside, portion by portion, tells the user, and gives it back at the end', async () => {
    const ann = await pipeline.asker({ credits: '100' });
    const { generationId, run, stream } = await begun(ann, 'unlimited');
    expect(await held(generationId)).to.deep.include({ hold: 1.01, tokens: 101, held: 1.01 });
    const seen: number[] = [];
    for (const tokens of [60, 100, 200]) {
      stream.push(text(tokens));
      const before = seen.at(-1) ?? 101;
      await until('the hold grows', async () => (await held(generationId)).tokens > before);
      const now = await held(generationId);
      expect(now).to.deep.include({ hold: now.tokens / 100, held: now.tokens / 100, heldTokens: now.tokens });
      seen.push(now.tokens);
    }
    // The third portion, and what the text was ahead by estimate: 360 words of 5 bytes at 4 a token.
    expect(seen).to.deep.equal([201, 401, 851]);
    stream.push(finish);
    expect(await run).to.equal('done');
    expect(await held(generationId)).to.deep.include({ held: 0, heldTokens: 0, balance: 100 - 3.61 });
    const told = pipeline.events.filter(({ room }) => room === userRoom(ann.userId));
    expect(told.map(({ payload }) => (payload as { held: number }).held)).to.deep.equal([
      1.01, 2.01, 4.01, 8.51, 0,
    ]);
    expect(await pipeline.charges(ann)).to.deep.equal([-3.61]);
  });

  for (const [credits, overdraft, tokens] of [
    ['1.01', '0', 100],
    ['1.37', '0', 136],
    ['4.5', '0', 449],
    ['1.01', '2.5', 350],
  ] as const) {
    it(`ends when ${credits} credits and an overdraft of ${overdraft} are used up, its text kept`, async () => {
      const ann = await pipeline.asker({ credits });
      const { messageId, run, stream } = await begun(ann, overdraft);
      // By its own count it would cost more than there is.
      stream.push({ type: 'usage', usage: { inputTokens: 30, outputTokens: 700 } });
      for (let sent = 0; sent < 600; sent += 20) stream.push(text(20));
      expect(await run).to.equal('done');
      await expectLimited(messageId, tokens);
      expect(stream.signal.aborted, 'the provider is let go').to.equal(true);
      expect(await balance(ann)).to.equal(-Number(overdraft));
      const names = pipeline.published(ann).map(({ event }) => event);
      expect(names.slice(-2)).to.deep.equal(['message:update', 'message:done']);
      const deltas = pipeline
        .published(ann, 'message:stream')
        .map(({ payload }) => (payload as { delta: string }).delta);
      expect(deltas.join('')).to.equal(WORD.repeat(tokens));
      const [done] = pipeline.published(ann, 'message:done');
      expect(done?.payload).to.deep.include({ status: 'completed', finishReason: 'credit_limit' });
    });
  }

  it('charges what the provider counted when the model was done, also below what was held', async () => {
    const ann = await pipeline.asker({ credits: '1.01' });
    const { messageId, run, stream } = await begun(ann, '0');
    stream.push(text(100), { type: 'usage', usage: { inputTokens: 1, outputTokens: 130 } }, finish);
    await run;
    expect(await pipeline.stored(messageId)).to.deep.include({ finishReason: 'stop', credits: '1.310000' });
    expect(await balance(ann)).to.be.closeTo(-0.3, 1e-9);
  });

  it('counts reasoning as output', async () => {
    const ann = await pipeline.asker({ credits: '1.5' });
    const { messageId, run, stream } = await begun(ann, '0');
    stream.push(reasoning(90), text(90));
    await run;
    const [stored] = await rows<object>(
      database().db,
      `SELECT m.content, m.reasoning, g.output_tokens AS output, g.reasoning_tokens AS reasoned, g.credits::float8
         FROM messages m JOIN generations g ON g.message_id = m.id WHERE m.id = $1`,
      [messageId],
    );
    expect(stored).to.deep.equal({
      content: WORD.repeat(59),
      reasoning: WORD.repeat(90),
      output: 149,
      reasoned: 90,
      credits: 1.5,
    });
  });

  it('does not ask a model when the prompt is larger than was thought, and the rest cannot be paid', async () => {
    const ann = await pipeline.asker({ credits: '1.01' });
    const { generationId, messageId } = await pipeline.ask(ann, QUESTION);
    await rows(database().db, 'UPDATE sessions SET settings = $2 WHERE id = $1', [ann.sessionId, {}]);
    await rows(
      database().db,
      `UPDATE generations SET settings = json_build_object('systemPrompt', $2::text) WHERE id = $1`,
      [generationId, WORD.repeat(300)],
    );
    expect(await pipeline.worker({ overdraft: '0' }).run(generationId)).to.equal('done');
    expect(pipeline.provider.streams).to.have.length(0);
    expect(await pipeline.stored(messageId)).to.deep.include({
      status: 'completed',
      finishReason: 'credit_limit',
      credits: '0.000000',
    });
    expect(await balance(ann)).to.equal(1.01);
  });

  it('shares what is left with the other reply of its user: together they cost all of it, and no more', async () => {
    const ann = await pipeline.asker({ credits: '7' });
    const first = await begun(ann, '0');
    const second = await begun(ann, '0');
    for (let sent = 0; sent < 900; sent += 10) {
      first.stream.push(text(10));
      second.stream.push(text(10));
    }
    await Promise.all([first.run, second.run]);
    let credits = 0;
    for (const { messageId } of [first, second]) {
      const stored = await pipeline.stored(messageId);
      expect(stored).to.deep.include({ status: 'completed', finishReason: 'credit_limit' });
      expect(await countTokens((await pipeline.content(messageId)) ?? '')).to.equal(stored.outputTokens);
      credits += Number(stored.credits);
    }
    expect(credits).to.be.closeTo(7, 1e-9);
    expect(await balance(ann)).to.equal(0);
  });

  it('takes a balance as far below zero as it needs without a limit; then nothing is admitted', async () => {
    const ann = await pipeline.asker({ credits: '2' });
    const { messageId, run, stream } = await begun(ann, 'unlimited');
    stream.push(text(1_000), finish);
    await run;
    expect(await pipeline.stored(messageId)).to.deep.include({ finishReason: 'stop', credits: '10.010000' });
    expect(await balance(ann)).to.be.closeTo(-8.01, 1e-9);
    expect(await refusalOf(pipeline.ask(ann))).to.deep.include({ code: 'insufficient_credits' });
  });

  it('has tokens held, and no credits, for a model that costs none', async () => {
    const ann = await pipeline.asker({ credits: '0', model: 'script/gratis' });
    const { generationId, messageId, run, stream } = await begun(ann, '0', 'script/gratis');
    const announced = () => pipeline.events.filter(({ event }) => event === 'balance:update').length;
    const before = announced();
    stream.push(text(60));
    await until('the hold grows', async () => (await held(generationId)).tokens === 201);
    expect(await held(generationId)).to.deep.include({ hold: 0, held: 0, heldTokens: 201 });
    expect(announced()).to.equal(before);
    stream.push(text(900), finish);
    await run;
    expect(await pipeline.stored(messageId)).to.deep.include({ finishReason: 'stop', credits: '0.000000' });
  });

  it('ends by a stop while it waits for more, and nothing stays set aside', async () => {
    const ann = await pipeline.asker({ credits: '50' });
    const { generationId, messageId, run, stream } = await begun(ann, '0');
    const letGo = await lockAccount(ann);
    stream.push(text(150));
    await growthWaits();
    // It waits for the row of the generation, which the growth has.
    const stop = pipeline.stopMessage(ann.userId, messageId);
    await letGo();
    expect(await stop).to.equal('streaming');
    await run;
    const stored = await pipeline.stored(messageId);
    expect(stored).to.deep.include({ status: 'cancelled', finishReason: 'cancelled' });
    expect(await held(generationId)).to.deep.include({ held: 0, heldTokens: 0 });
    expect(await balance(ann)).to.be.closeTo(50 - Number(stored.credits), 1e-9);
    const told = pipeline.events.filter(({ room }) => room === userRoom(ann.userId));
    expect(told.at(-1)?.payload, 'nothing is told after the settlement').to.deep.include({ held: 0 });
  });

  for (const overdraft of ['unlimited', '0']) {
    it(`survives a growth that fails, with an overdraft of ${overdraft}`, async () => {
      const ann = await pipeline.asker({ credits: '50' });
      const { messageId, run, stream } = await begun(ann, overdraft);
      const letGo = await lockAccount(ann);
      stream.push(text(150));
      await growthWaits();
      const written = () => pipeline.published(ann, 'message:stream').length > 0;
      // Only without a limit the text does not wait for it.
      if (overdraft === 'unlimited') await until('it is written', written);
      else expect(written()).to.equal(false);
      await rows(database().db, `SELECT pg_cancel_backend(pid) ${WAITING_GROWTHS}`);
      await letGo();
      stream.push(text(100), finish);
      expect(await run).to.equal('done');
      expect(await pipeline.stored(messageId)).to.deep.include({ finishReason: 'stop', credits: '2.510000' });
      expect(await pipeline.content(messageId)).to.equal(WORD.repeat(250));
    });
  }

  it('writes nothing more when another worker takes it while it waits', async () => {
    const ann = await pipeline.asker({ credits: '50' });
    const { generationId, run, stream } = await begun(ann, '0');
    const letGo = await lockAccount(ann);
    stream.push(text(80), text(80));
    await growthWaits();
    const other = claimGeneration(database().db, generationId, FIRST_ATTEMPT);
    await letGo();
    await other;
    // Whichever was first: a growth of the old attempt counts for the new one, or is refused.
    stream.push(text(500));
    expect(await run).to.equal('done');
    const { hold, held: all, tokens, heldTokens } = await held(generationId);
    expect([all, heldTokens]).to.deep.equal([hold, tokens]);
    expect(pipeline.published(ann, 'message:done')).to.have.length(0);
    await endNow(generationId);
  });

  it('refuses to grow for an attempt that is not the current one, or has ended', async () => {
    const ann = await pipeline.asker({ credits: '50' });
    const { generationId } = await pipeline.ask(ann, QUESTION);
    const grow = (attempt: number) =>
      growHold(database().db, { id: generationId, attempt, tokens: 100 }, '0');
    expect(await grow(0), 'it waits').to.equal(undefined);
    await claimGeneration(database().db, generationId, FIRST_ATTEMPT);
    expect(await grow(1)).to.deep.include({ tokens: 100, held: '2.010000' });
    await claimGeneration(database().db, generationId, FIRST_ATTEMPT);
    expect(await grow(1)).to.equal(undefined);
    await endNow(generationId);
    expect(await grow(2)).to.equal(undefined);
    expect(await held(generationId)).to.deep.include({ held: 0, heldTokens: 0 });
  });

  it('begins its next attempt with the hold as it has grown', async () => {
    const ann = await pipeline.asker({ credits: '3' });
    const { generationId, messageId, worker, run, stream } = await begun(ann, '0');
    stream.push(text(150));
    await until('the hold grows', async () => (await held(generationId)).tokens === 251);
    await worker.running.drain(0);
    expect(await run).to.equal('handed-over');
    expect(await held(generationId)).to.deep.include({ hold: 2.51, tokens: 251, held: 2.51 });
    const again = pipeline.worker({ overdraft: '0' }).run(generationId);
    const second = await pipeline.provider.begun(1);
    second.push(text(200), text(200));
    await again;
    await expectLimited(messageId, 299);
    expect(await balance(ann)).to.equal(0);
  });

  async function balance({ userId }: Asker): Promise<number> {
    const sql = 'SELECT balance::float8 FROM accounts WHERE user_id = $1';
    return (await rows<{ balance: number }>(database().db, sql, [userId]))[0]?.balance ?? Number.NaN;
  }

  /** What a worker that is given up would leave to the next one. */
  async function endNow(generationId: string): Promise<void> {
    await rows(
      database().db,
      "UPDATE generations SET interruptions = 5 WHERE id = $1 AND status = 'streaming'",
      [generationId],
    );
    await pipeline.worker().run(generationId);
  }
});
