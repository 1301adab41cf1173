import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import { guardProvider } from '../../src/providers/guard-provider.ts';
import { ProviderError, type ProviderEvent } from '../../src/providers/provider.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectInvariants } from '../support/invariants.ts';
import { testModel } from '../support/models.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

/** A token wherever it stands; a hundred of them cost a credit. */
const WORD = ' word';
/** A piece of the arguments of a call. */
const writing = (tokens: number): ProviderEvent => ({ type: 'writing', text: WORD.repeat(tokens) });
const PATIENT = { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 60_000 };
/** What is asked: one token. Its hold: 101 tokens. */
const QUESTION = 'Why';

describe('a call that is written', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;

  beforeEach(() => {
    pipeline = createPipeline(database(), [testModel('script/model'), testModel('script/b')]);
  });
  afterEach(async function () {
    await pipeline.close();
    if (this.currentTest?.state === 'passed') await expectInvariants(database());
  });

  async function begun(asker: Asker, overdraft: string, fallbacks: string[] = []) {
    const asked = await pipeline.ask(asker, QUESTION);
    const serves = [guardProvider(pipeline.provider, PATIENT)];
    const run = pipeline.worker({ overdraft, serves, fallbacks }).run(asked.generationId);
    const stream = await pipeline.provider.begun(0);
    return { ...asked, run, stream };
  }

  async function held({ userId }: Asker): Promise<number> {
    const sql = 'SELECT held::float8 FROM accounts WHERE user_id = $1';
    return (await rows<{ held: number }>(database().db, sql, [userId]))[0]?.held ?? 0;
  }

  it('ends where the credits do, and is charged as far as it was covered', async () => {
    const ann = await pipeline.asker({ credits: '1.37' });
    const { messageId, run, stream } = await begun(ann, '0');
    for (let sent = 0; sent < 600; sent += 20) stream.push(writing(20));
    expect(await run).to.equal('done');
    expect(stream.signal.aborted, 'the provider is let go').to.equal(true);
    expect(await pipeline.stored(messageId)).to.deep.include({
      status: 'completed',
      finishReason: 'credit_limit',
      inputTokens: 1,
      outputTokens: 136,
      credits: '1.370000',
    });
    expect(await pipeline.content(messageId)).to.equal('');
    expect(await pipeline.charges(ann)).to.deep.equal([-1.37]);
  });

  it('shares what is left with the text before it', async () => {
    const ann = await pipeline.asker({ credits: '1.37' });
    const { messageId, run, stream } = await begun(ann, '0');
    stream.push({ type: 'text', text: WORD.repeat(50) });
    for (let sent = 0; sent < 600; sent += 20) stream.push(writing(20));
    expect(await run).to.equal('done');
    expect(await pipeline.content(messageId)).to.equal(WORD.repeat(50));
    expect(await pipeline.stored(messageId)).to.deep.include({
      finishReason: 'credit_limit',
      outputTokens: 136,
    });
  });

  it('has the hold grow where nothing is limited', async () => {
    const ann = await pipeline.asker({ credits: '100' });
    const { run, stream } = await begun(ann, 'unlimited');
    const before = await held(ann);
    stream.push(writing(100));
    await until('the hold grows', async () => (await held(ann)) > before);
    stream.push(
      { type: 'tool_calls', calls: [{ id: '1', name: 'look_up', arguments: '{}' }] },
      { type: 'usage', usage: { inputTokens: 1, outputTokens: 99 } },
      { type: 'finish', reason: 'tool_calls' },
    );
    expect(await run).to.equal('done');
    expect(await pipeline.charges(ann), 'by the count of the provider').to.deep.equal([-1]);
  });

  it('is charged when it is stopped', async () => {
    const ann = await pipeline.asker({ credits: '100' });
    const { messageId, run, stream } = await begun(ann, 'unlimited');
    const before = await held(ann);
    stream.push(writing(149));
    await until('it was heard of', async () => (await held(ann)) > before);
    await pipeline.stopMessage(ann.userId, messageId);
    expect(await run).to.equal('done');
    expect(await pipeline.stored(messageId)).to.deep.include({
      status: 'cancelled',
      inputTokens: 1,
      outputTokens: 149,
      usageEstimated: true,
    });
    expect(await pipeline.charges(ann)).to.deep.equal([-1.5]);
  });

  for (const overdraft of ['0', 'unlimited']) {
    it(`is not counted when its call failed and another answers, the overdraft ${overdraft}`, async () => {
      const ann = await pipeline.asker({ credits: '1.37' });
      const { messageId, run, stream } = await begun(ann, overdraft, ['script/b']);
      stream.push(writing(90), { type: 'error', error: new ProviderError('network', 'The line is dead.') });
      const next = await pipeline.provider.begun(1);
      next.push({ type: 'text', text: WORD.repeat(100) }, { type: 'finish', reason: 'stop' });
      expect(await run).to.equal('done');
      expect(await pipeline.stored(messageId)).to.deep.include({
        status: 'completed',
        finishReason: 'stop',
        outputTokens: 100,
      });
    });
  }
});
