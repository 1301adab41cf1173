import { expect } from 'chai';
import type { GenerationErrorCode } from '../../src/contracts/errors.ts';
import type { Message } from '../../src/contracts/message.ts';
import { rows } from '../../src/data/database.ts';
import { claimGeneration, FIRST_ATTEMPT } from '../../src/data/repositories/generations.ts';
import { ProviderError, type ProviderEvent } from '../../src/providers/provider.ts';
import { useTestDatabase } from '../support/database.ts';
import { testModel } from '../support/models.ts';
import {
  type Asker,
  createPipeline,
  createScriptedProvider,
  type Pipeline,
  SCRIPTED,
  type ScriptedProvider,
  type WorkerShape,
} from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const text = (words: string): ProviderEvent => ({ type: 'text', text: words });
const finish: ProviderEvent = { type: 'finish', reason: 'stop' };
const usage: ProviderEvent = {
  type: 'usage',
  usage: { inputTokens: 1_000, cachedInputTokens: 900, outputTokens: 100, reasoningTokens: 40 },
};
const error = (code: GenerationErrorCode, retryAfterMs?: number): ProviderEvent => ({
  type: 'error',
  error: new ProviderError(code, 'It did not work.', { retryAfterMs }),
});

const OTHER = 'other/model';
const price = (creditsPer100Tokens: string, input: string, cached: string, output: string) => ({
  creditsPer100Tokens,
  usdPerMillionInput: input,
  usdPerMillionCachedInput: cached,
  usdPerMillionOutput: output,
});
const CATALOGUE = [
  testModel(SCRIPTED, { price: price('20', '1', '0.5', '2') }),
  testModel(OTHER, {
    price: price('1', '10', '1', '30'),
    parameters: ['maxTokens'],
    maxOutputTokens: 64,
  }),
];

describe('failover', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let other: ScriptedProvider;
  let ann: Asker;

  beforeEach(async () => {
    pipeline = createPipeline(database(), CATALOGUE);
    other = createScriptedProvider('other');
    ann = await pipeline.asker({ settings: { temperature: 0.5, maxTokens: 1_000 } });
  });
  afterEach(() => pipeline.close());

  const worker = (shape: WorkerShape = {}) =>
    pipeline.worker({ serves: [pipeline.provider, other], fallbacks: [OTHER], ...shape });

  const triesOf = ({ tries }: Pick<Message, 'tries'>) => tries.map(({ model, error: code }) => [model, code]);

  function updates(): Message[] {
    return pipeline.published(ann, 'message:update').map(({ payload }) => payload as Message);
  }

  it('has the next model answer, and shows that to everybody', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker().run(generationId);
    (await pipeline.provider.begun(0)).push(error('overloaded'));
    const stream = await other.begun(0);
    expect(stream.request).to.deep.include({ model: 'model', maxTokens: 64 });
    expect(stream.request).not.to.have.property('temperature');
    stream.push(text('Hello'), usage, finish);
    expect(await run).to.equal('done');

    const stored = await pipeline.stored(messageId);
    expect(stored).to.deep.include({ status: 'completed', model: SCRIPTED, attempt: 1, errorCode: null });
    const tries = [
      [SCRIPTED, 'overloaded'],
      [OTHER, null],
    ];
    expect(triesOf(stored)).to.deep.equal(tries);
    const shown = (await pipeline.messages.list(ann.userId, ann.sessionId, { limit: 10 })).data.find(
      ({ id }) => id === messageId,
    ) as Message;
    for (const message of [shown, updates().at(-1) as Message]) {
      expect(triesOf(message)).to.deep.equal(tries);
      expect(message).to.deep.include({ model: SCRIPTED, omittedParameters: ['temperature'] });
      expect(message.tries[0]?.provider).to.equal('script');
      expect(message.usage).to.deep.equal({
        inputTokens: 1_000,
        cachedInputTokens: 900,
        outputTokens: 100,
        reasoningTokens: 40,
        totalTokens: 1_100,
        estimated: false,
      });
    }
  });

  it('charges the price that was shown, and counts what the model that answered costs', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker().run(generationId);
    (await pipeline.provider.begun(0)).push(error('network'));
    (await other.begun(0)).push(text('Hello'), usage, finish);
    await run;
    // 1,100 tokens at 20 credits a hundred; 100 x 10 + 900 x 1 + 100 x 30 dollars a million.
    const { credits, costUsd } = await pipeline.stored(messageId);
    expect([credits, costUsd]).to.deep.equal(['220.000000', '0.0049000000']);
  });

  it('counts the price that was frozen when the model that was asked answers', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const sql = `UPDATE generations SET price = price || '{"usdPerMillionInput":"3"}' WHERE id = $1`;
    await rows(database().db, sql, [generationId]);
    const run = worker().run(generationId);
    (await pipeline.provider.begun(0)).push(text('Hello'), usage, finish);
    await run;
    const { costUsd } = await pipeline.stored(messageId);
    expect(costUsd).to.equal('0.0009500000');
  });

  it('counts what the provider says that it cost', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker().run(generationId);
    const told = { inputTokens: 10, outputTokens: 10, costUsd: '0.00123' };
    (await pipeline.provider.begun(0)).push(text('Hello'), { type: 'usage', usage: told }, finish);
    await run;
    expect((await pipeline.stored(messageId)).costUsd).to.equal('0.0012300000');
  });

  it('counts a cut-off reply by its text when the provider had counted only the beginning', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker().run(generationId);
    const early = { inputTokens: 30, outputTokens: 1, costUsd: '0.5' };
    const words = Array.from({ length: 50 }, () => 'word').join(' ');
    (await pipeline.provider.begun(0)).push({ type: 'usage', usage: early }, text(words), error('network'));
    await run;
    const { inputTokens, outputTokens, usageEstimated, costUsd } = await pipeline.stored(messageId);
    expect([inputTokens, outputTokens, usageEstimated]).to.deep.equal([30, 50, true]);
    expect(costUsd).to.equal('0.0001300000');
  });

  it('does not go on after the first token: the reply is interrupted, and the call is shown', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker().run(generationId);
    (await pipeline.provider.begun(0)).push(text('Hel'), error('stream_broken'));
    await run;
    const stored = await pipeline.stored(messageId);
    expect(stored).to.deep.include({ status: 'failed', errorCode: 'interrupted' });
    expect(triesOf(stored)).to.deep.equal([[SCRIPTED, 'stream_broken']]);
    expect(other.streams).to.deep.equal([]);
  });

  it('that finds nobody says what was tried, and is not charged', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker().run(generationId);
    (await pipeline.provider.begun(0)).push(error('rate_limited'));
    (await other.begun(0)).push(error('provider_auth'));
    await run;
    const message = updates().at(-1) as Message;
    expect(message).to.deep.include({ id: messageId, status: 'failed', credits: 0, content: '' });
    expect(message.error).to.deep.equal({
      code: 'provider_failed',
      message: `No model could answer. Tried ${SCRIPTED} (rate_limited), ${OTHER} (provider_auth).`,
    });
    expect(await pipeline.charges(ann)).to.deep.equal([]);
  });

  it('tells the failure of the model that was asked, not that a fallback refuses the request', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker().run(generationId);
    (await pipeline.provider.begun(0)).push(error('overloaded'));
    (await other.begun(0)).push(error('bad_request'));
    await run;
    const stored = await pipeline.stored(messageId);
    expect(stored).to.deep.include({ status: 'failed', errorCode: 'provider_failed' });
    expect(triesOf(stored)).to.deep.equal([
      [SCRIPTED, 'overloaded'],
      [OTHER, 'bad_request'],
    ]);
  });

  it('has a fallback answer for a model that is not served here any more', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker({ serves: [other] }).run(generationId);
    (await other.begun(0)).push(text('Hello'), finish);
    await run;
    expect(triesOf(await pipeline.stored(messageId))).to.deep.equal([[OTHER, null]]);
  });

  it('has stored a failed call before the next one has answered', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker().run(generationId);
    (await pipeline.provider.begun(0)).push(error('timeout'));
    await other.begun(0);
    await until('the failed call is stored', async () => (await pipeline.stored(messageId)).tries.length > 0);
    expect(triesOf(await pipeline.stored(messageId))).to.deep.equal([[SCRIPTED, 'timeout']]);
    (await other.begun(0)).push(finish);
    await run;
  });

  it('loses no failed call with the worker that made it and has left', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const leaving = worker();
    const first = leaving.run(generationId);
    (await pipeline.provider.begun(0)).push(error('timeout'));
    await other.begun(0);
    await until('the failed call is stored', async () => (await pipeline.stored(messageId)).tries.length > 0);
    await leaving.running.drain(0);
    expect(await first).to.equal('handed-over');

    const second = worker().run(generationId);
    (await pipeline.provider.begun(1)).push(error('network'));
    (await other.begun(1)).push(text('Hello'), finish);
    await second;
    expect(triesOf(await pipeline.stored(messageId))).to.deep.equal([
      [SCRIPTED, 'timeout'],
      [SCRIPTED, 'network'],
      [OTHER, null],
    ]);
    expect(await pipeline.content(messageId)).to.equal('Hello');
  });

  it('stores nothing for a worker that has lost its claim', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker().run(generationId);
    const stream = await pipeline.provider.begun(0);
    await claimGeneration(database().db, generationId, FIRST_ATTEMPT);
    stream.push(error('timeout'));
    (await other.begun(0)).push(finish);
    await run;
    expect(await pipeline.stored(messageId)).to.deep.include({ status: 'streaming', attempt: 2, tries: [] });
  });

  it('is stopped at once while it waits to ask again', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const patience = { maxWaitMs: 60_000, backoffMs: 1_000 };
    const run = worker({ fallbacks: [], patience }).run(generationId);
    (await pipeline.provider.begun(0)).push(error('rate_limited', 50_000));
    await until('the failed call is stored', async () => (await pipeline.stored(messageId)).tries.length > 0);
    expect(await pipeline.stopMessage(ann.userId, messageId)).to.equal('streaming');
    expect(await run).to.equal('done');
    const stored = await pipeline.stored(messageId);
    expect(stored).to.deep.include({ status: 'cancelled', errorCode: null, credits: '0.000000' });
    expect(triesOf(stored)).to.deep.equal([[SCRIPTED, 'rate_limited']]);
    expect(pipeline.provider.streams).to.have.length(1);
  });

  it('asks again after the wait', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker({ fallbacks: [], patience: { maxWaitMs: 1_000, backoffMs: 1 } }).run(generationId);
    (await pipeline.provider.begun(0)).push(error('overloaded'));
    (await pipeline.provider.begun(1)).push(text('Hello'), finish);
    await run;
    expect(triesOf(await pipeline.stored(messageId))).to.deep.equal([
      [SCRIPTED, 'overloaded'],
      [SCRIPTED, null],
    ]);
  });

  it('leaves a model alone that is not to be asked for a while, for every generation', async () => {
    const first = await pipeline.ask(ann);
    const running = worker().run(first.generationId);
    (await pipeline.provider.begun(0)).push(error('rate_limited', 60_000));
    (await other.begun(0)).push(text('Hello'), finish);
    await running;
    const second = await pipeline.ask(ann);
    const again = worker().run(second.generationId);
    (await other.begun(1)).push(text('Hello'), finish);
    await again;
    expect(pipeline.provider.streams).to.have.length(1);
    expect(triesOf(await pipeline.stored(second.messageId))).to.deep.equal([[OTHER, null]]);
  });
});
