import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { userRoom } from '../../src/contracts/events.ts';
import type { SessionSettings } from '../../src/contracts/session.ts';
import { rows } from '../../src/data/database.ts';
import { postEntry } from '../../src/data/repositories/ledger.ts';
import { ProviderError } from '../../src/providers/provider.ts';
import { useTestDatabase } from '../support/database.ts';
import { testModel } from '../support/models.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { refusalOf } from '../support/refusal.ts';
import { expectNothingWritten } from '../support/written.ts';

/** A model of which a hundred tokens cost so much. */
const priced = (id: string, creditsPer100Tokens: string, facts = {}) =>
  testModel(id, { ...facts, price: { ...testModel(id).price, creditsPer100Tokens } });

const CATALOGUE = [
  priced('script/model', '1'),
  priced('script/dear', '20'),
  priced('script/odd', '0.0007'),
  priced('script/tiny', '0.000001'),
  priced('script/free', '0'),
  priced('script/small', '1', { contextLength: 150, maxOutputTokens: 40 }),
];

/** Two tokens; with the reserve of a hundred 1.02 credits by `script/model`. */
const QUESTION = 'Why?';

describe('credits at admission', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;

  beforeEach(() => {
    pipeline = createPipeline(database(), CATALOGUE);
  });
  afterEach(() => pipeline.close());

  const withCredits = (credits: string, settings: SessionSettings = {}) =>
    pipeline.asker({ model: 'script/model', credits, settings });

  const askFor = (asker: Asker, body: object = {}, key?: string) =>
    pipeline.post(asker, { content: QUESTION, ...body }, key);

  /** Refused for want of credits, and nothing was written. */
  async function expectTooFew(asker: Asker, body: object = {}): Promise<void> {
    const enqueued = pipeline.queue.enqueued.length;
    await expectNothingWritten(database(), asker.userId, async () => {
      expect((await refusalOf(askFor(asker, body, newId()))).code).to.equal('insufficient_credits');
    });
    expect(pipeline.published(asker)).to.deep.equal([]);
    expect(pipeline.queue.enqueued).to.have.length(enqueued);
  }

  /** What is set aside for each of a user's generations, in order. */
  async function holdsOf({ userId }: Asker) {
    const sql = 'SELECT hold, hold_tokens AS tokens FROM generations WHERE user_id = $1 ORDER BY id';
    return rows<{ hold: string; tokens: number }>(database().db, sql, [userId]);
  }

  async function account({ userId }: Asker) {
    const sql = `SELECT balance, held, held_tokens::int AS "heldTokens", running, day_requests AS requests
                   FROM accounts WHERE user_id = $1`;
    return (await rows<{ balance: string; held: string }>(database().db, sql, [userId]))[0];
  }

  it('are set aside for the prompt and a reserve of output, and told to the user', async () => {
    const ann = await withCredits('10');
    await askFor(ann);
    expect(await holdsOf(ann)).to.deep.equal([{ hold: '1.020000', tokens: 102 }]);
    expect(await account(ann)).to.deep.equal({
      balance: '10.000000',
      held: '1.020000',
      heldTokens: 102,
      running: 1,
      requests: 1,
    });
    const told = pipeline.events.filter(({ event }) => (event as string) === 'balance:update');
    expect(told.map(({ room, payload }) => [room, payload])).to.deep.equal([
      [userRoom(ann.userId), { balance: 10, held: 1.02, available: 8.98 }],
    ]);
  });

  it('are told as held before a worker can give them back', async () => {
    const ann = await withCredits('10');
    const told: unknown[] = [];
    pipeline.queue.enqueue = async () => {
      told.push(
        ...pipeline.events.filter(({ room }) => room === userRoom(ann.userId)).map(({ payload }) => payload),
      );
    };
    await askFor(ann);
    expect(told).to.deep.equal([{ balance: 10, held: 1.02, available: 8.98 }]);
  });

  it('that are exactly enough are, and a millionth less is not', async () => {
    const ann = await withCredits('1.02');
    await askFor(ann);
    expect(await account(ann)).to.deep.include({ balance: '1.020000', held: '1.020000' });
    await expectTooFew(await withCredits('1.019999'));
  });

  it('are counted exactly where a price has no end', async () => {
    // 102 tokens at 0.0007 for a hundred: 0.000714.
    const ann = await withCredits('0.000714');
    await askFor(ann, { model: 'script/odd' });
    expect(await holdsOf(ann)).to.deep.equal([{ hold: '0.000714', tokens: 102 }]);
    await expectTooFew(await withCredits('0.000713'), { model: 'script/odd' });
    // 0.00000102, of which six decimals are kept, as in the charge.
    const cid = await withCredits('0.000001');
    await askFor(cid, { model: 'script/tiny' });
    expect(await holdsOf(cid)).to.deep.equal([{ hold: '0.000001', tokens: 102 }]);
    // 0.1 + 0.2 is 0.3 here.
    const bob = await withCredits('0.3');
    for (const amount of ['0.1', '0.2', '0.42']) {
      await database().transaction((db) =>
        postEntry(db, { id: newId(), userId: bob.userId, kind: 'adjustment', amount }),
      );
    }
    await askFor(bob);
    expect(await account(bob)).to.deep.include({ balance: '1.020000', held: '1.020000' });
  });

  it('that are set aside cannot be set aside again, and are there again after the end', async () => {
    const ann = await withCredits('2.039999');
    const first = await askFor(ann);
    await expectNothingWritten(database(), ann.userId, async () => {
      expect((await refusalOf(askFor(ann))).code).to.equal('insufficient_credits');
    });
    await pipeline.stopMessage(ann.userId, first.replies[0]?.id ?? '');
    expect(await account(ann)).to.deep.include({ held: '0.000000', heldTokens: 0, running: 0 });
    await askFor(ann);
  });

  it('that are too few by little are not shown as enough', async () => {
    const told: [credits: string, model: string, words: string][] = [
      ['1.019999', 'script/model', 'This needs about 1.02 credits, and 1.01 are available.'],
      ['0.000713', 'script/odd', 'This needs about 0.01 credits, and 0 are available.'],
      ['-0.000001', 'script/free', 'This needs about 0 credits, and -0.01 are available.'],
    ];
    for (const [credits, model, words] of told) {
      const refused = await askFor(await withCredits(credits), { model }).catch((error: Error) => error);
      expect(refused).to.have.property('message', words);
    }
  });

  it('are not needed for what only is stored', async () => {
    const ann = await withCredits('0');
    const { replies } = await pipeline.post(ann, { role: 'assistant', content: 'Once upon a time' });
    expect(replies).to.deep.equal([]);
    expect(await account(ann)).to.deep.include({ held: '0.000000', running: 0, requests: 0 });
  });

  it('are set aside for all of several models, or for none', async () => {
    const models = ['script/model', 'script/dear', 'script/free'];
    // 1.02 + 20.4 + 0
    const ann = await withCredits('21.42');
    await askFor(ann, { models });
    expect((await holdsOf(ann)).map(({ hold }) => hold)).to.deep.equal(['1.020000', '20.400000', '0.000000']);
    expect(await account(ann)).to.deep.include({
      held: '21.420000',
      heldTokens: 306,
      running: 3,
      requests: 3,
    });
    await expectTooFew(await withCredits('21.419999'), { models });
  });

  it('need not be there for a model that costs nothing, and must not be owed', async () => {
    const [ann, bob] = [await withCredits('0'), await withCredits('-0.000001')];
    expect((await askFor(ann, { model: 'script/free' })).replies).to.have.length(1);
    await expectTooFew(bob, { model: 'script/free' });
  });

  it('are set aside for a reply that is written again, whose old hold is over', async () => {
    const ann = await withCredits('1.5');
    const { replies } = await askFor(ann);
    const old = replies[0]?.id ?? '';
    const again = () => pipeline.regenerate({ userId: ann.userId }, old, {});
    await expectNothingWritten(database(), ann.userId, async () => {
      expect((await refusalOf(again())).code).to.equal('insufficient_credits');
    });
    await pipeline.stopMessage(ann.userId, old);
    expect((await again()).replies).to.have.length(1);
    expect(await account(ann)).to.deep.include({ held: '1.020000', running: 1 });
  });

  it('let a request that was refused be repeated with its key, once they are there', async () => {
    const ann = await withCredits('1');
    const key = newId();
    expect((await refusalOf(askFor(ann, {}, key))).code).to.equal('insufficient_credits');
    await database().transaction((db) =>
      postEntry(db, { id: newId(), userId: ann.userId, kind: 'adjustment', amount: '0.02' }),
    );
    const answer = await askFor(ann, {}, key);
    expect(await askFor(ann, {}, key)).to.deep.equal(answer);
    expect(await account(ann)).to.deep.include({ held: '1.020000', running: 1, requests: 1 });
  });

  it('are not enough once a reply has cost more than there was, until the balance is above again', async () => {
    const ann = await withCredits('1.02');
    const { generationId } = await pipeline.ask(ann, QUESTION, 'script/model');
    const run = pipeline.worker().run(generationId);
    (await pipeline.provider.begun(0)).push(
      { type: 'text', text: 'Because.' },
      { type: 'usage', usage: { inputTokens: 150, outputTokens: 50 } },
      { type: 'finish', reason: 'stop' },
    );
    await run;
    expect(await account(ann)).to.deep.include({ balance: '-0.980000', held: '0.000000' });
    await expectNothingWritten(database(), ann.userId, async () => {
      expect((await refusalOf(askFor(ann, { model: 'script/free' }))).code).to.equal('insufficient_credits');
    });
  });

  describe('of a prompt', () => {
    /** Tokens that are set aside for a question. */
    async function tokensFor(asker: Asker, body: object = {}): Promise<number | undefined> {
      await askFor(asker, body);
      return (await holdsOf(asker)).at(-1)?.tokens;
    }

    /** Has a first reply written that took so many tokens. */
    async function withHistory(asker: Asker, inputTokens: number, outputTokens: number): Promise<void> {
      const { generationId } = await pipeline.ask(asker, QUESTION, 'script/model');
      const run = pipeline.worker().run(generationId);
      (await pipeline.provider.begun(0)).push(
        { type: 'text', text: 'Because.' },
        { type: 'usage', usage: { inputTokens, outputTokens } },
        { type: 'finish', reason: 'stop' },
      );
      await run;
    }

    it('count the system prompt', async () => {
      // Four tokens.
      expect(await tokensFor(await withCredits('10', { systemPrompt: 'You are kind.' }))).to.equal(106);
    });

    it('count the conversation, by what its last reply took; the system prompt is in there', async () => {
      const ann = await withCredits('1000', { systemPrompt: 'You are kind.' });
      await withHistory(ann, 700, 80);
      expect(await tokensFor(ann)).to.equal(700 + 80 + 102);
    });

    it('count the conversation beside a reply that is still to be written: what the one before it took', async () => {
      const ann = await withCredits('1000');
      await withHistory(ann, 700, 80);
      expect(await tokensFor(ann)).to.equal(882);
      expect(await tokensFor(ann)).to.equal(882);
    });

    it('count the conversation behind what took nothing: a reply that failed, a text that was only stored', async () => {
      const ann = await withCredits('1000');
      await withHistory(ann, 700, 80);
      const { generationId, messageId } = await pipeline.ask(ann, QUESTION, 'script/model');
      const run = pipeline.worker().run(generationId);
      (await pipeline.provider.begun(1)).push({
        type: 'error',
        error: new ProviderError('bad_request', 'no'),
      });
      await run;
      await askFor(ann, { role: 'assistant' });
      const { replies } = await pipeline.regenerate(ann, messageId, {});
      expect((await holdsOf(ann)).at(-1)?.tokens).to.equal(880);
      await pipeline.stopMessage(ann.userId, replies[0]?.id ?? '');
      expect(await tokensFor(ann)).to.equal(882);
    });

    it('count of the conversation only what the model can be told', async () => {
      const ann = await withCredits('1000');
      await withHistory(ann, 700, 80);
      // Of a window of 150 tokens a quarter is kept free, and of the rest 90 percent are used: 101.
      expect(await tokensFor(ann, { model: 'script/small' })).to.equal(201);
    });

    it('reserve less for a reply that is to be shorter, and never more than is reserved', async () => {
      expect(await tokensFor(await withCredits('10', { maxTokens: 40 }))).to.equal(42);
      expect(await tokensFor(await withCredits('10', { maxTokens: 4_000 }))).to.equal(102);
      pipeline.holds.reserveTokens = 1;
      expect(await tokensFor(await withCredits('10'))).to.equal(3);
    });
  });
});
