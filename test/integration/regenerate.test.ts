import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { refusalOf } from '../support/refusal.ts';

describe('regenerating a reply', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let ann: Asker;

  beforeEach(async () => {
    pipeline = createPipeline(database());
    ann = await pipeline.asker();
  });
  afterEach(() => pipeline.close());

  it('writes another to the same question; the old one stays', async () => {
    const { questionId, messageId, generationId } = await pipeline.ask(ann);
    await complete(generationId, 'first');
    pipeline.events.length = 0;

    const { message, replies } = await pipeline.regenerate(ann, messageId, {});
    expect(message).to.deep.include({ id: questionId, content: 'Why?', status: 'completed' });
    expect(replies).to.have.length(1);
    const [reply] = replies;
    expect(reply).to.deep.include({
      parentId: questionId,
      role: 'assistant',
      model: 'script/model',
      status: 'queued',
      content: '',
    });
    const announced = { ...reply, previousId: messageId };
    expect(pipeline.published(ann).map(({ payload }) => payload)).to.deep.equal([announced]);
    const generation = await pipeline.stored(reply?.id ?? '');
    expect(pipeline.queue.enqueued).to.deep.equal([generationId, generation.id]);

    const run = complete(generation.id, 'second');
    const stream = await pipeline.provider.begun(1);
    // The reply before it is no part of what the model is asked.
    expect(stream.request.turns).to.deep.equal([{ role: 'user', content: 'Why?' }]);
    await run;
    expect(await pipeline.content(messageId)).to.equal('first');
    expect(await pipeline.content(reply?.id ?? '')).to.equal('second');
    expect(await pipeline.charges(ann)).to.deep.equal([-1, -1]);
    expect(await counted()).to.equal(3);
  });

  it('of a question in the middle sees only what stood before it', async () => {
    const first = await pipeline.ask(ann, 'one');
    await complete(first.generationId, 'first');
    const second = await pipeline.ask(ann, 'two');
    await complete(second.generationId, 'second');
    const { replies } = await pipeline.regenerate(ann, first.messageId, {});
    const run = complete((await pipeline.stored(replies[0]?.id ?? '')).id, 'first again');
    const stream = await pipeline.provider.begun(2);
    expect(stream.request.turns).to.deep.equal([{ role: 'user', content: 'one' }]);
    await run;

    const third = await pipeline.ask(ann, 'three');
    await complete(third.generationId, 'third');
    const { request } = await pipeline.provider.begun(3);
    expect(request.turns.map(({ content }) => content)).to.deep.equal([
      'one',
      'first again',
      'two',
      'second',
      'three',
    ]);
  });

  it('asks the model that is named, or else the one that wrote the old reply', async () => {
    const { messageId } = await pipeline.ask(ann, 'Why?', 'other/first');
    const same = await pipeline.regenerate(ann, messageId, {});
    expect(same.replies[0]?.model).to.equal('other/first');
    const named = await pipeline.regenerate(ann, messageId, { model: 'echo' });
    expect(named.replies[0]?.model).to.equal('echo');
  });

  it('takes the settings that the session has now', async () => {
    const { messageId } = await pipeline.ask(ann);
    await pipeline.sessions.update(ann.userId, ann.sessionId, { settings: { temperature: 1.5 } });
    const { replies } = await pipeline.regenerate(ann, messageId, {});
    const generation = await pipeline.stored(replies[0]?.id ?? '');
    const run = complete(generation.id, 'warm');
    expect((await pipeline.provider.begun(0)).request.temperature).to.equal(1.5);
    await run;
  });

  it('asks the model of the session for what was posted for the assistant', async () => {
    const { questionId } = await pipeline.ask(ann);
    const posted = await pipeline.post(ann, { role: 'assistant', content: 'Because.' });
    const sql = 'UPDATE messages SET parent_id = $2 WHERE id = $1 RETURNING id';
    await rows(database().db, sql, [posted.message.id, questionId]);
    const { message, replies } = await pipeline.regenerate(ann, posted.message.id, {});
    expect(message.id).to.equal(questionId);
    expect(replies[0]?.model).to.equal('script/model');
  });

  describe('with a key', () => {
    it('20 times at once writes one reply; all get the same answer', async () => {
      const { messageId } = await pipeline.ask(ann);
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => pipeline.regenerate(ann, messageId, {}, 'k-1')),
      );
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).to.equal(1);
      expect(await counted()).to.equal(3);
      expect(pipeline.queue.enqueued).to.have.length(2);
    });

    it('of another request is refused', async () => {
      const { messageId } = await pipeline.ask(ann);
      await pipeline.regenerate(ann, messageId, {}, 'k-1');
      const again = await refusalOf(pipeline.regenerate(ann, messageId, { model: 'echo' }, 'k-1'));
      expect(again.code).to.equal('idempotency_key_reused');
      const sent = await refusalOf(pipeline.post(ann, { content: 'Why?' }, 'k-1'));
      expect(sent.code).to.equal('idempotency_key_reused');
      expect(await counted()).to.equal(3);
    });
  });

  describe('is refused, and nothing is written,', () => {
    it("of a message of the user's", async () => {
      const [first, second] = [await pipeline.ask(ann), await pipeline.ask(ann)];
      await expectRefused('conflict', first.questionId);
      await expectRefused('conflict', second.questionId);
    });

    it('when the question was deleted', async () => {
      const { questionId, messageId } = await pipeline.ask(ann);
      await pipeline.messages.remove(ann.userId, questionId);
      await expectRefused('conflict', messageId);
    });

    it('of a text that answers nothing', async () => {
      const { message } = await pipeline.post(ann, { role: 'assistant', content: 'Welcome.' });
      await expectRefused('conflict', message.id);
    });

    it("of somebody else's, or none", async () => {
      const { messageId } = await pipeline.ask(ann);
      const bob = await pipeline.asker();
      await expectRefused('not_found', messageId, bob);
      await expectRefused('not_found', newId());
    });

    it('for a model that is not there', async () => {
      const { messageId } = await pipeline.ask(ann);
      await expectRefused('model_not_available', messageId, ann, 'no/such');
    });
  });

  async function expectRefused(code: string, messageId: string, who = ann, model?: string): Promise<void> {
    const before = [await counted(), pipeline.queue.enqueued.length, pipeline.events.length];
    expect((await refusalOf(pipeline.regenerate(who, messageId, { model }))).code).to.equal(code);
    expect([await counted(), pipeline.queue.enqueued.length, pipeline.events.length]).to.deep.equal(before);
  }

  /** Runs a generation to its end; it costs one credit. */
  async function complete(generationId: string, words: string): Promise<void> {
    const index = pipeline.provider.streams.length;
    const run = pipeline.worker().run(generationId);
    (await pipeline.provider.begun(index)).push(
      { type: 'text', text: words },
      { type: 'usage', usage: { inputTokens: 50, outputTokens: 50 } },
      { type: 'finish', reason: 'stop' },
    );
    await run;
  }

  /** Messages that the session counts. */
  async function counted(): Promise<number | undefined> {
    const sql = 'SELECT message_count AS count FROM sessions WHERE id = $1';
    return (await rows<{ count: number }>(database().db, sql, [ann.sessionId]))[0]?.count;
  }
});
