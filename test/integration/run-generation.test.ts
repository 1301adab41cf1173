import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { RoomEvents } from '../../src/contracts/events.ts';
import { userRoom } from '../../src/contracts/events.ts';
import { rows } from '../../src/data/database.ts';
import {
  type ClaimedGeneration,
  claimGeneration,
  FIRST_ATTEMPT,
} from '../../src/data/repositories/generations.ts';
import { postEntry } from '../../src/data/repositories/ledger.ts';
import { ProviderError, type ProviderEvent } from '../../src/providers/provider.ts';
import type { AttemptEnd } from '../../src/services/attempt-end.ts';
import { countTokens } from '../../src/services/count-tokens.ts';
import { useTestDatabase } from '../support/database.ts';
import { type OutageDatabase, withOutages } from '../support/database-outage.ts';
import { testModel } from '../support/models.ts';
import { type Asker, createPipeline, type Pipeline, SCRIPTED, type TestWorker } from '../support/pipeline.ts';
import { refusalOf } from '../support/refusal.ts';
import { until } from '../support/until.ts';

const text = (words: string): ProviderEvent => ({ type: 'text', text: words });
const finish: ProviderEvent = { type: 'finish', reason: 'stop' };
/** 100 tokens, which cost one credit. */
const usage: ProviderEvent = { type: 'usage', usage: { inputTokens: 30, outputTokens: 70 } };
const overloaded: ProviderEvent = {
  type: 'error',
  error: new ProviderError('overloaded', 'The provider has too much to do.'),
};

describe('running a generation', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let worker: TestWorker;
  let ann: Asker;

  beforeEach(async () => {
    pipeline = createPipeline(database());
    worker = pipeline.worker();
    ann = await pipeline.asker();
  });
  afterEach(() => pipeline.close());

  it('streams, settles, and tells: update, then done', async () => {
    const { questionId, messageId, generationId } = await pipeline.ask(ann, 'Why?');
    const run = worker.run(generationId);
    const stream = await pipeline.provider.begun(0);
    stream.push(text('Hel'));
    await until('the text is live', async () => (await liveText(messageId)) === 'Hel');
    expect(await pipeline.stored(messageId)).to.deep.include({ status: 'streaming', attempt: 1 });
    expect(await pipeline.content(messageId)).to.equal('');
    expect(await pipeline.charges(ann)).to.deep.equal([]);

    stream.push(text('lo'), usage, finish);
    expect(await run).to.equal('done');
    expect(await pipeline.stored(messageId)).to.deep.include({
      status: 'completed',
      attempt: 1,
      interruptions: 0,
      finishReason: 'stop',
      errorCode: null,
      inputTokens: 30,
      outputTokens: 70,
      usageEstimated: false,
      credits: '1.000000',
    });
    expect(await pipeline.content(messageId)).to.equal('Hello');
    expect(await pipeline.charges(ann)).to.deep.equal([-1]);
    expect(await totals()).to.deep.equal({ tokens: 100, credits: 1, messages: 2 });
    expect(await liveText(messageId)).to.equal(null);

    const names = pipeline.published(ann).map(({ event }) => event);
    expect(names.slice(0, 3)).to.deep.equal(['message:new', 'message:new', 'session:update']);
    expect(names.slice(-2)).to.deep.equal(['message:update', 'message:done']);
    expect(streamed(messageId, 1)).to.equal('Hello');
    const [update] = payloads('message:update');
    expect(update).to.deep.include({ id: messageId, parentId: questionId, content: 'Hello', credits: 1 });
    const { status, finishReason, usage: shown, cost, credits } = update as RoomEvents['message:update'];
    expect(shown).to.deep.include({ inputTokens: 30, outputTokens: 70, totalTokens: 100, estimated: false });
    expect(payloads('message:done')).to.deep.equal([
      { sessionId: ann.sessionId, messageId, status, finishReason, usage: shown, cost, credits },
    ]);
    const balances = pipeline.events.filter(({ room }) => room === userRoom(ann.userId));
    expect(balances.at(-1)).to.deep.include({
      payload: { balance: 999_999, held: 0, available: 999_999 },
    });
  });

  it('tells of the end when the broker, which was away, is back', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = worker.run(generationId);
    const stream = await pipeline.provider.begun(0);
    pipeline.broker.away = true;
    stream.push(text('Hello'), usage, finish);
    await until('it tells of the end', () => pipeline.broker.refused > 0);
    expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed' });
    pipeline.broker.away = false;
    expect(await run).to.equal('done');
    const told = pipeline.events.map(({ event }) => event).filter((event) => event !== 'balance:update');
    expect(told.slice(-2)).to.deep.equal(['message:update', 'message:done']);
  });

  it('gives the model its own name, the settings of the session and the conversation', async () => {
    const settings = { systemPrompt: 'Be brief.', temperature: 0.5, topP: 0.9, maxTokens: 7 };
    ann = await pipeline.asker({ settings });
    await complete(await pipeline.ask(ann, 'one'), 'first');
    const { generationId } = await pipeline.ask(ann, 'two');
    const run = worker.run(generationId);
    const stream = await pipeline.provider.begun(1);
    const { onWriting: _, ...request } = stream.request;
    expect(request).to.deep.equal({
      model: 'model',
      turns: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'first' },
        { role: 'user', content: 'two' },
      ],
      temperature: 0.5,
      topP: 0.9,
      maxTokens: 7,
    });
    stream.push(finish);
    await run;
  });

  it('counts for a provider that sends no usage', async () => {
    const asked = await pipeline.ask(ann, 'Why is the sky blue?');
    await complete(asked, 'It scatters.', []);
    await expectEstimated(asked.messageId, 'Why is the sky blue?', 'It scatters.');
    expect(await pipeline.stored(asked.messageId)).to.deep.include({ status: 'completed' });
  });

  it('counts for a provider whose count is more than the model that was asked can have read or written', async () => {
    await pipeline.close();
    const facts = { contextLength: 2_000, maxOutputTokens: 500 };
    pipeline = createPipeline(database(), [testModel(SCRIPTED, facts)]);
    worker = pipeline.worker();
    ann = await pipeline.asker();
    const asked = await pipeline.ask(ann, 'Why is the sky blue?');
    const told: ProviderEvent = { type: 'usage', usage: { inputTokens: 2_001, outputTokens: 1_001 } };
    await complete(asked, 'It scatters.', [told]);
    await expectEstimated(asked.messageId, 'Why is the sky blue?', 'It scatters.');
  });

  it('changes nothing when the job comes back after the end, but tells once more', async () => {
    const asked = await pipeline.ask(ann);
    await complete(asked, 'Because.');
    const before = await pipeline.stored(asked.messageId);
    pipeline.events.length = 0;
    expect(await worker.run(asked.generationId)).to.equal('done');
    expect(pipeline.events.map(({ event }) => event)).to.deep.equal(['message:update', 'message:done']);
    expect(await pipeline.stored(asked.messageId)).to.deep.equal(before);
    expect(pipeline.provider.streams).to.have.length(1);
    expect(await pipeline.charges(ann)).to.deep.equal([-1]);
  });

  it('drops the texts that a worker left which died after the end', async () => {
    const asked = await pipeline.ask(ann);
    await complete(asked, 'Because.');
    const ref = { sessionId: ann.sessionId, messageId: asked.messageId, attempt: 1 };
    await pipeline.feed.live.open(ref).append({ offset: 0, text: 'Because.', whole: () => 'Because.' });
    expect(await liveText(asked.messageId)).to.equal('Because.');
    expect(await worker.run(asked.generationId)).to.equal('done');
    expect(await liveText(asked.messageId)).to.equal(null);
  });

  it('knows nothing of a generation that is not there', async () => {
    expect(await worker.run(newId())).to.equal('done');
    expect(pipeline.events).to.deep.equal([]);
  });

  describe('that another worker has claimed', () => {
    it('writes and publishes nothing at its end', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      const stream = await pipeline.provider.begun(0);
      const second = await claim(generationId);
      expect(second).to.deep.include({ attempt: 2, interruptions: 1 });

      stream.push(text('from the first'), usage, finish);
      expect(await run).to.equal('done');
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'streaming', attempt: 2 });
      expect(await pipeline.content(messageId)).to.equal('');
      expect(await pipeline.charges(ann)).to.deep.equal([]);
      expect(await totals()).to.deep.equal({ tokens: 0, credits: 0, messages: 2 });
      expect(pipeline.published(ann, 'message:update', 'message:error', 'message:done')).to.deep.equal([]);

      expect(await pipeline.settle(second, ended('from the second'))).to.equal(true);
      expect(await pipeline.content(messageId)).to.equal('from the second');
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
    });

    it('is noticed by the sign of life: the first ends at once, the second goes on', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const first = worker.run(generationId);
      const lost = await pipeline.provider.begun(0);
      lost.push(text('from the first'));
      await until('the text is live', async () => (await liveText(messageId)) !== null);

      const second = pipeline.worker().run(generationId);
      const stream = await pipeline.provider.begun(1);
      const [update] = payloads('message:update');
      expect(update).to.deep.include({ id: messageId, attempt: 2, content: '', status: 'streaming' });
      expect(await first).to.equal('done');
      expect(lost.signal.aborted).to.equal(true);
      expect(stream.signal.aborted).to.equal(false);
      expect(payloads('message:done')).to.deep.equal([]);

      stream.push(text('from the second'), usage, finish);
      await second;
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed', attempt: 2 });
      expect(streamed(messageId, 2)).to.equal('from the second');
      expect(await pipeline.content(messageId)).to.equal('from the second');
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
    });

    it('leaves no text behind that was written after the end', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      // It is frozen, and gives no signs of life.
      worker.running.stop();
      const frozen = worker.run(generationId);
      const lost = await pipeline.provider.begun(0);
      lost.push(text('from the first'));
      await until('the text is live', async () => (await liveText(messageId)) !== null);
      const second = pipeline.worker().run(generationId);
      (await pipeline.provider.begun(1)).push(text('from the second'), usage, finish);
      await second;
      expect(await liveText(messageId)).to.equal(null);
      lost.push(text(', and more'));
      await until('it is put back', async () => (await liveText(messageId)) !== null);
      lost.push(usage, finish);
      expect(await frozen).to.equal('done');
      expect(await liveText(messageId)).to.equal(null);
      expect(await pipeline.content(messageId)).to.equal('from the second');
    });

    it('is noticed at once when both are in one process', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const first = worker.run(generationId);
      const lost = await pipeline.provider.begun(0);
      const second = worker.run(generationId);
      const stream = await pipeline.provider.begun(1);
      expect(await first).to.equal('done');
      expect(lost.signal.aborted).to.equal(true);
      // The end of the first does not take the second out of the registry.
      expect(await pipeline.stopMessage(ann.userId, messageId)).to.equal('streaming');
      expect(stream.signal.aborted).to.equal(true);
      await second;
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'cancelled', attempt: 2 });
    });

    it('is noticed when the database has lost it in a crash, and nobody else gets its attempt', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const first = worker.run(generationId);
      const lost = await pipeline.provider.begun(0);
      lost.push(text('from the first'));
      await until('the text is live', async () => (await liveText(messageId)) !== null);
      const before = `UPDATE generations SET status = 'queued', attempt = 0, started_at = NULL, heartbeat_at = NULL
                       WHERE id = $1 RETURNING id`;
      await rows(database().db, before, [generationId]);
      lost.push(usage, finish);
      expect(await first).to.equal('done');
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'queued', attempt: 0 });

      const second = pipeline.worker().start({ generationId, isFirst: false });
      (await pipeline.provider.begun(1)).push(text('from the second'), usage, finish);
      await second;
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed', attempt: 2 });
      expect(streamed(messageId, 2)).to.equal('from the second');
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
    });
  });

  describe('is charged once', () => {
    it('when it is settled again', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const claimed = await claim(generationId);
      expect(await pipeline.settle(claimed, ended('one'))).to.equal(true);
      pipeline.events.length = 0;
      expect(await pipeline.settle(claimed, ended('two'))).to.equal(false);
      expect(pipeline.events).to.deep.equal([]);
      expect(await pipeline.content(messageId)).to.equal('one');
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
    });

    it('when it is settled ten times at once', async () => {
      const { generationId } = await pipeline.ask(ann);
      const claimed = await claim(generationId);
      const settled = await Promise.all(
        Array.from({ length: 10 }, (_, i) => pipeline.settle(claimed, ended(`${i}`))),
      );
      expect(settled.filter(Boolean)).to.have.length(1);
      expect(payloads('message:done')).to.have.length(1);
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
      expect(await totals()).to.deep.include({ tokens: 100, credits: 1 });
    });

    it('by the ledger itself, too', async () => {
      const generationId = newId();
      const charge = () =>
        database().transaction((db) =>
          postEntry(db, { id: newId(), userId: ann.userId, kind: 'charge', amount: '-2', generationId }),
        );
      expect(await charge()).to.deep.include({ balance: '999998.000000' });
      expect(await charge()).to.equal(undefined);
      expect(await pipeline.charges(ann)).to.deep.equal([-2]);
    });

    it('also when many end at the same moment', async () => {
      const asked = await Promise.all(Array.from({ length: 10 }, () => pipeline.ask(ann)));
      const claims = await Promise.all(asked.map(({ generationId }) => claim(generationId)));
      await Promise.all(claims.map((each) => pipeline.settle(each, ended('Because.'))));
      expect(await pipeline.charges(ann)).to.deep.equal(asked.map(() => -1));
      expect(await totals()).to.deep.equal({ tokens: 1_000, credits: 10, messages: 20 });
    });
  });

  describe('whose provider fails', () => {
    it('before the first token: it is not charged, and the code says why', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      (await pipeline.provider.begun(0)).push(usage, overloaded);
      await run;
      expect(await pipeline.stored(messageId)).to.deep.include({
        status: 'failed',
        finishReason: 'error',
        errorCode: 'provider_failed',
        inputTokens: null,
        outputTokens: null,
        credits: '0.000000',
      });
      expect(await pipeline.charges(ann)).to.deep.equal([]);
      const message = 'script/model could not answer (overloaded). The provider has too much to do.';
      const error = { code: 'provider_failed', message };
      expect(payloads('message:error')).to.deep.equal([{ sessionId: ann.sessionId, messageId, error }]);
      expectEnd('message:update', 'message:error', 'message:done');
    });

    it('after it: the text stays and is paid for, and the reply is interrupted', async () => {
      const { messageId, generationId } = await pipeline.ask(ann, 'Why?');
      const run = worker.run(generationId);
      (await pipeline.provider.begun(0)).push(text('Because of'), overloaded);
      await run;
      expect(await pipeline.stored(messageId)).to.deep.include({
        status: 'failed',
        finishReason: 'error',
        errorCode: 'interrupted',
      });
      expect(await pipeline.content(messageId)).to.equal('Because of');
      await expectEstimated(messageId, 'Why?', 'Because of');
      expectEnd('message:update', 'message:error', 'message:done');
      expect(payloads('message:update').at(-1)).to.deep.include({ content: 'Because of' });
      expect(await liveText(messageId)).to.equal(null);
    });

    it('after it, with usage: what the provider counted is charged', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      (await pipeline.provider.begun(0)).push(usage, text('Because of'), overloaded);
      await run;
      expect(await pipeline.stored(messageId)).to.deep.include({ usageEstimated: false, outputTokens: 70 });
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
    });
  });

  it('fails when this worker does not serve the model', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    expect(await pipeline.worker({ serves: [] }).run(generationId)).to.equal('done');
    expect(await pipeline.stored(messageId)).to.deep.include({
      status: 'failed',
      errorCode: 'model_not_available',
      credits: '0.000000',
    });
    expect(await pipeline.charges(ann)).to.deep.equal([]);
    expectEnd('message:update', 'message:error', 'message:done');
  });

  describe('that is stopped', () => {
    it('while it waits: it has ended at once, and no worker begins it', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      expect(await pipeline.stopMessage(ann.userId, messageId)).to.equal('cancelled');
      expect(pipeline.queue.removed).to.deep.equal([generationId]);
      expect(await pipeline.stored(messageId)).to.deep.include({
        status: 'cancelled',
        finishReason: 'cancelled',
        attempt: 0,
        credits: '0.000000',
      });
      expectEnd('message:update', 'message:done');
      expect(await worker.run(generationId)).to.equal('done');
      expect(pipeline.provider.streams).to.deep.equal([]);
      expect(await pipeline.charges(ann)).to.deep.equal([]);
    });

    it('while it waits, by a process that cannot tell anybody: the job stays, and its worker tells', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const outage = withOutages(database());
      const failing = createPipeline(outage, undefined, pipeline.feed);
      outage.failOn = /FROM messages m/;
      const stopping = failing.stopMessage(ann.userId, messageId);
      expect(await stopping.catch((error: Error) => error.message)).to.match(/terminated/);
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'cancelled' });
      expect(failing.queue.removed).to.deep.equal([]);
      expect(await worker.run(generationId)).to.equal('done');
      expect(payloads('message:done')).to.have.length(1);
      expect(pipeline.provider.streams).to.deep.equal([]);
    });

    it('while it waits, and the broker is away: nobody waits for that, and its end is told afterwards', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      pipeline.broker.away = true;
      expect(await pipeline.stopMessage(ann.userId, messageId)).to.equal('cancelled');
      expect(pipeline.queue.removed).to.deep.equal([]);
      pipeline.broker.away = false;
      await until('the job is gone', () => pipeline.queue.removed.length > 0);
      expect(pipeline.queue.removed).to.deep.equal([generationId]);
      expectEnd('message:update', 'message:done');
    });

    it('while it streams: the worker is told; the text stays and is paid for', async () => {
      const { messageId, generationId } = await pipeline.ask(ann, 'Why?');
      const run = worker.run(generationId);
      const stream = await pipeline.provider.begun(0);
      stream.push(text('Because of'));
      await until('the text is live', async () => (await liveText(messageId)) !== null);
      expect(await pipeline.stopMessage(ann.userId, messageId)).to.equal('streaming');
      expect(stream.signal.aborted).to.equal(true);
      expect(await run).to.equal('done');
      await expectCancelled(messageId, 'Because of');
      await expectEstimated(messageId, 'Why?', 'Because of');
      expectEnd('message:update', 'message:done');
      expect(await pipeline.stopMessage(ann.userId, messageId)).to.equal('cancelled');
    });

    it('before its first token: it costs nothing', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      await pipeline.provider.begun(0);
      await pipeline.stopMessage(ann.userId, messageId);
      await run;
      await expectCancelled(messageId, '');
      expect(await pipeline.charges(ann)).to.deep.equal([]);
    });

    it('by the mark in the database alone: the next sign of life finds it', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      const stream = await pipeline.provider.begun(0);
      stream.push(text('Because of'));
      await until('the text is live', async () => (await liveText(messageId)) !== null);
      await markStopped(generationId);
      expect(await run).to.equal('done');
      expect(stream.signal.aborted).to.equal(true);
      await expectCancelled(messageId, 'Because of');
    });

    it('while its worker is dead: the next one ends it without asking the model', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      await claim(generationId);
      await markStopped(generationId);
      expect(await worker.run(generationId)).to.equal('done');
      expect(pipeline.provider.streams).to.deep.equal([]);
      await expectCancelled(messageId, '');
    });

    it('with its whole session', async () => {
      const [running, waiting] = [await pipeline.ask(ann), await pipeline.ask(ann)];
      const run = worker.run(running.generationId);
      const stream = await pipeline.provider.begun(0);
      stream.push(text('Because of'));
      await until('the text is live', async () => (await liveText(running.messageId)) !== null);
      await pipeline.sessions.remove(ann.userId, ann.sessionId);
      await run;
      expect(await pipeline.stored(running.messageId)).to.deep.include({ status: 'cancelled' });
      expect(await pipeline.stored(waiting.messageId)).to.deep.include({ status: 'cancelled' });
      expect(await pipeline.charges(ann)).to.have.length(1);
    });

    it('after its end: nothing changes', async () => {
      const asked = await pipeline.ask(ann);
      await complete(asked, 'Because.');
      const before = await pipeline.stored(asked.messageId);
      pipeline.events.length = 0;
      expect(await pipeline.stopMessage(ann.userId, asked.messageId)).to.equal('completed');
      expect(await pipeline.stored(asked.messageId)).to.deep.equal(before);
      expect(pipeline.events).to.deep.equal([]);
    });

    it('only by its owner', async () => {
      const { messageId } = await pipeline.ask(ann);
      const { userId } = await pipeline.asker();
      expect((await refusalOf(pipeline.stopMessage(userId, messageId))).code).to.equal('not_found');
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'queued' });
    });
  });

  describe('whose workers die', () => {
    it('is begun again after the first death', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      await write(messageId, await claim(generationId), 'from the first');
      const run = worker.run(generationId);
      const stream = await pipeline.provider.begun(0);
      const [update] = payloads('message:update');
      expect(update).to.deep.include({ attempt: 2, content: '', status: 'streaming' });
      stream.push(text('from the second'), usage, finish);
      await run;
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed', interruptions: 1 });
      expect(await pipeline.content(messageId)).to.equal('from the second');
    });

    it('ends as cancelled, with the text that there is, when it was stopped before the death was noticed', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      await write(messageId, await claim(generationId), 'half of it');
      expect(await pipeline.stopMessage(ann.userId, messageId)).to.equal('streaming');
      expect(await worker.run(generationId)).to.equal('done');
      expect(await pipeline.stored(messageId)).to.deep.include({
        status: 'cancelled',
        attempt: 1,
        finishReason: 'cancelled',
        errorCode: null,
        outputTokens: await countTokens('half of it'),
        usageEstimated: true,
      });
      expect(await pipeline.content(messageId)).to.equal('half of it');
      expect(await pipeline.charges(ann)).to.have.length(1);
      expect(await liveText(messageId)).to.equal(null);
    });

    it('ends as interrupted after the second, with the text that there is', async () => {
      const { messageId, generationId } = await pipeline.ask(ann, 'Why?');
      await write(messageId, await claim(generationId), 'from the first');
      await write(messageId, await claim(generationId), 'from the second');
      expect(await worker.run(generationId)).to.equal('done');
      expect(pipeline.provider.streams).to.deep.equal([]);
      expect(await pipeline.stored(messageId)).to.deep.include({
        status: 'failed',
        finishReason: 'error',
        errorCode: 'interrupted',
        interruptions: 2,
        // The text is that of the second attempt, whose deltas clients have.
        attempt: 2,
      });
      expect(await pipeline.content(messageId)).to.equal('from the second');
      await expectEstimated(messageId, 'Why?', 'from the second');
      expectEnd('message:update', 'message:error', 'message:done');
      expect(payloads('message:update')).to.have.length(1);
      expect(payloads('message:update')[0]).to.deep.include({ attempt: 2, content: 'from the second' });
      expect(await liveText(messageId, 2)).to.equal(null);
    });

    it('costs nothing when none of them wrote anything', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      await claim(generationId);
      await claim(generationId);
      await worker.run(generationId);
      expect(await pipeline.stored(messageId)).to.deep.include({
        errorCode: 'interrupted',
        inputTokens: null,
      });
      expect(await pipeline.charges(ann)).to.deep.equal([]);
    });
  });

  describe('of a process that stops', () => {
    it('is handed over, which is no interruption', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      for (let round = 1; round <= 3; round += 1) {
        const leaving = pipeline.worker();
        const run = leaving.run(generationId);
        const stream = await pipeline.provider.begun(round - 1);
        stream.push(text(`round ${round}`));
        await until('the text is live', async () => (await liveText(messageId, round)) !== null);
        await leaving.running.drain(0);
        expect(await run).to.equal('handed-over');
        expect(stream.signal.aborted).to.equal(true);
        expect(await pipeline.stored(messageId)).to.deep.include({ status: 'streaming', attempt: round });
        expect(payloads('message:done')).to.deep.equal([]);
      }
      const run = worker.run(generationId);
      (await pipeline.provider.begun(3)).push(text('at last'), usage, finish);
      await run;
      expect(await pipeline.stored(messageId)).to.deep.include({
        status: 'completed',
        attempt: 4,
        interruptions: 0,
      });
      expect(streamed(messageId, 4)).to.equal('at last');
      for (const attempt of [1, 2, 3, 4]) expect(await liveText(messageId, attempt)).to.equal(null);
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
    });

    it('is finished first when it ends in time', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      const stream = await pipeline.provider.begun(0);
      const drained = worker.running.drain(10_000);
      stream.push(text('in time'), usage, finish);
      await drained;
      expect(await run).to.equal('done');
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed', attempt: 1 });
    });

    it('is handed over at once when it begins after that', async () => {
      await worker.running.drain(0);
      const { messageId, generationId } = await pipeline.ask(ann);
      expect(await worker.run(generationId)).to.equal('handed-over');
      expect(pipeline.provider.streams).to.deep.equal([]);
      await complete({ messageId, generationId }, 'elsewhere', [usage], pipeline.worker());
      expect(await pipeline.stored(messageId)).to.deep.include({ attempt: 2, interruptions: 0 });
    });
  });

  describe('while the database comes and goes', () => {
    let outage: OutageDatabase;

    beforeEach(async () => {
      await pipeline.close();
      outage = withOutages(database());
      pipeline = createPipeline(outage);
      worker = pipeline.worker();
      ann = await pipeline.asker();
    });

    it('is settled when that is back, and is not written again', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      outage.refuse = 3;
      await complete({ messageId, generationId }, 'Hello');
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed', attempt: 1 });
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
      expectEnd('message:update', 'message:done');
    });

    it('is settled once when the answer to that is lost, and told like any other', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      outage.loseAnswers = 1;
      await complete({ messageId, generationId }, 'Hello');
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed', attempt: 1 });
      expect(await pipeline.content(messageId)).to.equal('Hello');
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
      expectEnd('message:update', 'message:done');
      const balances = pipeline.events.filter(({ room }) => room === userRoom(ann.userId));
      expect(balances.at(-1)).to.deep.include({
        payload: { balance: 999_999, held: 0, available: 999_999 },
      });
    });

    it('is told of when the connection is lost between its end and the telling, the balance as well', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      const stream = await pipeline.provider.begun(0);
      stream.push(text('Hello'));
      await until('the text is live', async () => (await liveText(messageId)) !== null);
      pipeline.events.length = 0;
      outage.failOn = /m\.id = ANY/;
      stream.push(usage, finish);
      expect(await run).to.equal('done');
      expect(outage.failOn, 'it failed').to.equal(undefined);
      expect(payloads('message:done')).to.have.length(1);
      const balances = pipeline.events.filter(({ event }) => event === 'balance:update');
      expect(balances.at(-1)?.payload).to.deep.include({ held: 0 });
      expect(await liveText(messageId)).to.equal(null);
    });

    it('holds up no process that must go', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      outage.refuse = 1_000;
      const run = worker.run(generationId).then(String, String);
      (await pipeline.provider.begun(0)).push(text('Hello'), usage, finish);
      await until('it waits', () => outage.refuse < 1_000);
      await worker.running.drain(0);
      // Well before its patience is at an end, which is longer than a test may take.
      expect(await run).to.match(/terminated/);
      outage.refuse = 0;
      await complete({ messageId, generationId }, 'Hello', [usage], pipeline.worker());
      // Nobody died: it was handed over.
      expect(await pipeline.stored(messageId)).to.deep.include({ attempt: 2, interruptions: 0 });
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
    });

    it('is somebody else’s who has claimed it meanwhile', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      const stream = await pipeline.provider.begun(0);
      await claim(generationId);
      outage.refuse = 1;
      stream.push(text('Hello'), usage, finish);
      expect(await run).to.equal('done');
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'streaming', attempt: 2 });
      expect(await pipeline.charges(ann)).to.deep.equal([]);
    });

    it('is not interrupted by it, however often', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      await claim(generationId);
      // A second attempt tells first what stands there, and every attempt reads what it is to answer.
      for (const statement of [/m\.id = ANY/, /m\.id = ANY/, /m\.id <= \(SELECT/]) {
        outage.failOn = statement;
        const failed = await worker.run(generationId).then(() => undefined, String);
        expect(failed).to.match(/terminated/);
      }
      await complete({ messageId, generationId }, 'Hello');
      expect(await pipeline.stored(messageId)).to.deep.include({
        status: 'completed',
        attempt: 5,
        interruptions: 1,
      });
    });
  });

  describe('whose place is deleted', () => {
    it('the session, while it runs: it is charged once, and told as gone', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      const stream = await pipeline.provider.begun(0);
      stream.push(text('Because'));
      await rows(database().db, 'DELETE FROM sessions WHERE id = $1 RETURNING id', [ann.sessionId]);
      stream.push(usage, finish);
      expect(await run).to.equal('done');
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed', credits: '1.000000' });
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
      expect(pipeline.published(ann, 'message:update', 'message:done')).to.deep.equal([]);
      expect(payloads('message:delete')).to.deep.equal([{ sessionId: ann.sessionId, messageId }]);
      expect(await worker.run(generationId)).to.equal('done');
      expect(await pipeline.charges(ann)).to.deep.equal([-1]);
    });

    it('the reply, while it waits: no model is asked', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      await pipeline.messages.remove(ann.userId, messageId);
      expect(pipeline.queue.removed).to.deep.equal([generationId]);
      expect(await worker.run(generationId)).to.equal('done');
      expect(pipeline.provider.streams).to.deep.equal([]);
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'cancelled' });
      expect(await pipeline.charges(ann)).to.deep.equal([]);
    });

    for (const [what, whose] of [
      ['the reply', 'messageId'],
      ['the question', 'questionId'],
    ] as const) {
      it(`${what}, just as a worker takes it: no model is asked`, async () => {
        const asked = await pipeline.ask(ann);
        await rows(database().db, 'DELETE FROM messages WHERE id = $1 RETURNING id', [asked[whose]]);
        expect(await worker.run(asked.generationId)).to.equal('done');
        expect(pipeline.provider.streams).to.deep.equal([]);
        expect(await pipeline.stored(asked.messageId)).to.deep.include({ status: 'cancelled' });
        expect(await pipeline.charges(ann)).to.deep.equal([]);
      });
    }

    it('the reply, while it runs: it is stopped, and what was written is paid for', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      (await pipeline.provider.begun(0)).push(text('Because'));
      await until('the text is live', async () => (await liveText(messageId)) !== null);
      await pipeline.messages.remove(ann.userId, messageId);
      expect(await run).to.equal('done');
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'cancelled' });
      expect(await pipeline.charges(ann)).to.have.length(1);
      // Whoever deleted it tells, and so does its worker where it ends behind that; readers pass the first on.
      const told = payloads('message:delete');
      expect(told).to.deep.equal(told.map(() => ({ sessionId: ann.sessionId, messageId }))).and.not.be.empty;
    });

    it('the reply, by a process that died before it told anybody: its worker does', async () => {
      const { messageId, generationId } = await pipeline.ask(ann);
      const run = worker.run(generationId);
      (await pipeline.provider.begun(0)).push(text('Because'));
      await rows(database().db, 'DELETE FROM messages WHERE id = $1 RETURNING id', [messageId]);
      expect(await pipeline.stopMessage(ann.userId, messageId)).to.equal('streaming');
      expect(await run).to.equal('done');
      expect(payloads('message:delete')).to.deep.equal([{ sessionId: ann.sessionId, messageId }]);
    });
  });

  /** Runs a generation to its end. */
  async function complete(
    { generationId }: { generationId: string; messageId: string },
    words: string,
    more: ProviderEvent[] = [usage],
    on: TestWorker = worker,
  ): Promise<void> {
    const index = pipeline.provider.streams.length;
    const run = on.run(generationId);
    (await pipeline.provider.begun(index)).push(text(words), ...more, finish);
    expect(await run).to.equal('done');
  }

  /** A worker that claims, and is not heard of again. */
  async function claim(generationId: string): Promise<ClaimedGeneration> {
    const claimed = await claimGeneration(database().db, generationId, FIRST_ATTEMPT);
    if (claimed?.kind !== 'reply') throw new Error('it could not be claimed');
    return claimed;
  }

  /** What such a worker wrote. */
  async function write(messageId: string, { attempt }: ClaimedGeneration, words: string): Promise<void> {
    const live = pipeline.feed.live.open({ sessionId: ann.sessionId, messageId, attempt });
    await live.append({ offset: 0, text: words, whole: () => words });
  }

  const liveText = async (messageId: string, attempt = 1): Promise<string | null> =>
    (await pipeline.feed.live.read({ sessionId: ann.sessionId, messageId, attempt }))?.text ?? null;

  async function markStopped(id: string): Promise<void> {
    const sql = 'UPDATE generations SET cancel_requested_at = now() WHERE id = $1 RETURNING id';
    await rows(database().db, sql, [id]);
  }

  function payloads(name: keyof RoomEvents): unknown[] {
    return pipeline.published(ann, name).map(({ payload }) => payload);
  }

  /** The deltas of one attempt, put together; each must stand where the one before it ended. */
  function streamed(messageId: string, attempt: number): string {
    let all = '';
    for (const payload of payloads('message:stream') as RoomEvents['message:stream'][]) {
      if (payload.messageId !== messageId || payload.attempt !== attempt) continue;
      expect(payload.offset).to.equal(all.length);
      all += payload.delta;
    }
    return all;
  }

  /** Expects these to be the last events of the session, and `message:done` to be there once. */
  function expectEnd(...names: (keyof RoomEvents)[]): void {
    const events = pipeline.published(ann).map(({ event }) => event);
    expect(events.slice(-names.length)).to.deep.equal(names);
    expect(events.filter((event) => event === 'message:done')).to.have.length(1);
  }

  async function expectCancelled(messageId: string, content: string): Promise<void> {
    expect(await pipeline.stored(messageId)).to.deep.include({
      status: 'cancelled',
      finishReason: 'cancelled',
      errorCode: null,
    });
    expect(await pipeline.content(messageId)).to.equal(content);
    expect(payloads('message:done').at(-1)).to.deep.include({ messageId, status: 'cancelled' });
  }

  /** Expects that tokens were counted here, and charged: one credit for a hundred. */
  async function expectEstimated(messageId: string, question: string, words: string): Promise<void> {
    const [inputTokens, outputTokens] = [await countTokens(question), await countTokens(words)];
    expect(await pipeline.stored(messageId)).to.deep.include({
      inputTokens,
      outputTokens,
      usageEstimated: true,
    });
    expect(await pipeline.charges(ann)).to.deep.equal([-(inputTokens + outputTokens) / 100]);
  }

  /** An end with text, of 100 tokens. */
  const ended = (words: string): AttemptEnd => ({
    status: 'completed',
    finishReason: 'stop',
    text: words,
    reasoning: null,
    usage: { inputTokens: 30, outputTokens: 70, estimated: false },
  });

  async function totals() {
    const [found] = await rows<{ tokens: number; credits: number; messages: number }>(
      database().db,
      `SELECT total_tokens::int AS tokens, total_credits::float AS credits, message_count AS messages
         FROM sessions WHERE id = $1`,
      [ann.sessionId],
    );
    return found;
  }
});
