import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { NewMessageEvent } from '../../src/contracts/events.ts';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import { defer } from '../support/deferred.ts';
import { type Asker, createPipeline, MAX_MESSAGE_CHARS, type Pipeline } from '../support/pipeline.ts';
import { refusalOf } from '../support/refusal.ts';
import { until } from '../support/until.ts';

describe('sending a message', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let ann: Asker;

  beforeEach(async () => {
    pipeline = createPipeline(database());
    ann = await pipeline.asker();
  });
  afterEach(() => pipeline.close());

  it('stores the message and a placeholder, announces both, then queues the generation', async () => {
    const { message, replies } = await pipeline.post(ann, { content: ' Why is the sky blue?\n' });
    expect(message).to.deep.include({
      sessionId: ann.sessionId,
      parentId: null,
      role: 'user',
      content: ' Why is the sky blue?\n',
      model: null,
      status: 'completed',
      error: null,
    });
    expect(replies).to.have.length(1);
    expect(replies[0]).to.deep.include({
      sessionId: ann.sessionId,
      parentId: message.id,
      role: 'assistant',
      content: '',
      model: 'script/model',
      status: 'queued',
      attempt: 0,
      finishReason: null,
      usage: null,
      completedAt: null,
    });
    const generation = await pipeline.stored(replies[0]?.id ?? '');
    expect(generation).to.deep.include({ status: 'queued', attempt: 0, model: 'script/model' });
    expect(pipeline.queue.enqueued).to.deep.equal([generation.id]);
    expect(pipeline.published(ann, 'message:new').map(({ payload }) => payload)).to.deep.equal([
      { ...message, previousId: null },
      { ...replies[0], previousId: message.id },
    ]);
    const listed = await pipeline.messages.list(ann.userId, ann.sessionId, { limit: 20 });
    expect(listed.data).to.deep.equal([...replies, message]);
  });

  it('follows the message before it', async () => {
    const first = await pipeline.post(ann, { content: 'one' });
    const second = await pipeline.post(ann, { content: 'two' });
    expect(second.message.parentId).to.equal(first.replies[0]?.id);
  });

  it('follows a reply that took more tokens than an integer of the database holds', async () => {
    const first = await pipeline.post(ann, { content: 'one' });
    const sql = `UPDATE generations SET input_tokens = 1200000000, output_tokens = 1200000000
       WHERE message_id = $1 RETURNING id`;
    await rows(database().db, sql, [first.replies[0]?.id]);
    const second = await pipeline.post(ann, { content: 'two' });
    expect(second.message.parentId).to.equal(first.replies[0]?.id);
  });

  it('stores what is posted at once in the order in which it was asked for, each behind the one before', async () => {
    const bodies = Array.from({ length: 8 }, (_, n) => ({
      content: n % 3 === 0 ? 'long '.repeat(190) : `m${n}`,
      ...(n % 2 === 0 && { clientMessageId: `id-${n}` }),
      ...(n % 4 === 1 && { role: 'assistant' }),
    }));
    const posted = await Promise.all(bodies.map((body) => pipeline.post(ann, body)));
    const { data } = await pipeline.messages.list(ann.userId, ann.sessionId, { limit: 100 });
    const stored = data.toReversed().map(({ id, parentId }) => ({ id, parentId }));
    const inOrder = posted.flatMap(({ message, replies }) => [message, ...replies]);
    expect(stored.map(({ id }) => id)).to.deep.equal(inOrder.map(({ id }) => id));
    const questions = stored.filter(({ id }) => posted.some(({ message }) => message.id === id));
    for (const { id, parentId } of questions) {
      const before = stored[stored.findIndex((each) => each.id === id) - 1];
      expect(parentId).to.equal(before?.id ?? null);
    }
  });

  it('gives ids that sort in the order of commits, though another process stores a message while this one waits', async () => {
    const held = defer();
    const key = `message:${ann.sessionId}:slow`;
    const holding = defer();
    const holder = database().transaction(async (db) => {
      const values = `VALUES ($1, $2, '', 'null')`;
      await rows(db, `INSERT INTO idempotency_keys (user_id, key, fingerprint, answer) ${values}`, [
        ann.userId,
        key,
      ]);
      holding.resolve();
      await held.promise;
      throw new Error('taken back');
    });
    await holding.promise;
    const ask = { content: 'slow', clientMessageId: 'slow', models: ['script/a', 'script/b'] };
    const waiting = pipeline.post(ann, ask);
    await until('it waits', async () => {
      const sql = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      return (await rows(database().db, sql)).length > 0;
    });
    const elsewhere = createPipeline(database());
    const quick = await elsewhere.post(ann, { content: 'quick' });
    held.resolve();
    await holder.catch(() => undefined);
    const slow = await waiting;

    const ids = [quick.message, ...quick.replies, slow.message, ...slow.replies].map(({ id }) => id);
    expect([...ids].sort()).to.deep.equal(ids);
    expect(slow.replies.map(({ parentId }) => parentId)).to.deep.equal(
      slow.replies.map(() => slow.message.id),
    );
    const listed = await pipeline.messages.list(ann.userId, ann.sessionId, { limit: 20 });
    expect(listed.data.map(({ id }) => id)).to.deep.equal([...ids].reverse());
    const announced = [elsewhere, pipeline]
      .flatMap((each) => each.published(ann, 'message:new'))
      .map(({ payload }) => payload as NewMessageEvent);
    await elsewhere.close();
    expect(announced.map(({ id, previousId }) => [previousId, id])).to.deep.equal(
      ids.map((id, index) => [ids[index - 1] ?? null, id]),
    );
    expect(await pipeline.post(ann, ask)).to.deep.equal(slow);
    for (const { id } of slow.replies)
      expect(pipeline.queue.enqueued).to.include((await pipeline.stored(id)).id);
  });

  it('tells in the order of ids of what is posted at once', async () => {
    await Promise.all(Array.from({ length: 30 }, (_, n) => pipeline.post(ann, { content: `${n}` })));
    const told = pipeline.published(ann, 'message:new').map(({ payload }) => (payload as NewMessageEvent).id);
    expect(told).to.have.lengthOf(60);
    expect(told).to.deep.equal([...told].sort());
  });

  it('gives ids that sort behind those of a process whose clock is ahead', async () => {
    const ahead = 'fe00ffff-ffff-7fff-bfff-ffffffffffff';
    const sql = 'UPDATE sessions SET newest_message_id = $2 WHERE id = $1';
    await rows(database().db, sql, [ann.sessionId, ahead]);
    const posts = await Promise.all([1, 2, 3].map((n) => pipeline.post(ann, { content: `${n}` })));
    for (const { message, replies } of posts) {
      expect(message.id > ahead && (replies[0]?.id ?? '') > message.id).to.equal(true);
    }
    const listed = await pipeline.messages.list(ann.userId, ann.sessionId, { limit: 20 });
    const announced = pipeline.published(ann, 'message:new').map(({ payload }) => payload as NewMessageEvent);
    const chained = new Map(announced.map(({ id, previousId }) => [previousId, id]));
    const order: string[] = [];
    for (let id = chained.get(ahead); id; id = chained.get(id)) order.push(id);
    expect(listed.data.map(({ id }) => id)).to.deep.equal(order.reverse());
  });

  it('only stores what has the role of the assistant', async () => {
    const { message, replies } = await pipeline.post(ann, { role: 'assistant', content: 'Because.' });
    expect(message).to.deep.include({ role: 'assistant', content: 'Because.', status: 'completed' });
    expect(replies).to.deep.equal([]);
    expect(pipeline.queue.enqueued).to.deep.equal([]);
    expect(await counts(ann)).to.deep.equal({ messages: 1, generations: 0, counted: 1, title: null });
  });

  it('has every model answer that was asked, each once', async () => {
    const models = ['script/a', 'script/b', 'echo'];
    const { message, replies } = await pipeline.post(ann, { content: 'Why?', models });
    expect(replies.map((reply) => reply.model)).to.deep.equal(models);
    expect(new Set(replies.map((reply) => reply.parentId))).to.deep.equal(new Set([message.id]));
    const generations = await Promise.all(replies.map((reply) => pipeline.stored(reply.id)));
    expect(pipeline.queue.enqueued).to.have.members(generations.map(({ id }) => id));
    expect(await counts(ann)).to.deep.include({ messages: 4, generations: 3, counted: 4 });
  });

  it('keeps the message when the queue is away: the sweeper queues it later', async () => {
    pipeline.queue.away = true;
    const { replies } = await pipeline.post(ann, { content: 'Why?' });
    expect(await pipeline.stored(replies[0]?.id ?? '')).to.deep.include({ status: 'queued' });
  });

  describe('is refused, and nothing is written,', () => {
    const cases: [why: string, body: object, code: string, path: string][] = [
      ['when it is empty', { content: '' }, 'validation_failed', 'body.content'],
      ['when it is blank', { content: ' \n\t' }, 'validation_failed', 'body.content'],
      [
        'when it is too long',
        { content: 'x'.repeat(MAX_MESSAGE_CHARS + 1) },
        'validation_failed',
        'body.content',
      ],
      [
        'with a model and models',
        { content: 'x', model: 'echo', models: ['echo'] },
        'validation_failed',
        'body.models',
      ],
      ['with no models at all', { content: 'x', models: [] }, 'validation_failed', 'body.models'],
      [
        'with a model for the assistant',
        { role: 'assistant', content: 'x', model: 'echo' },
        'validation_failed',
        'body.model',
      ],
      ['with an unknown model', { content: 'x', model: 'no/such' }, 'model_not_available', 'body.model'],
      [
        'with one unknown model of several',
        { content: 'x', models: ['echo', 'no/such'] },
        'model_not_available',
        'body.models.1',
      ],
    ];
    for (const [why, body, code, path] of cases) {
      it(why, async () => {
        const refusal = await refusalOf(pipeline.post(ann, body, 'a key'));
        expect(refusal.code).to.equal(code);
        expect(refusal.paths).to.deep.equal([path]);
        expect(await counts(ann)).to.deep.equal({ messages: 0, generations: 0, counted: 0, title: null });
        expect(pipeline.events).to.deep.equal([]);
        // The key was not spent on it.
        expect((await pipeline.post(ann, { content: 'x' }, 'a key')).replies).to.have.length(1);
      });
    }

    it('in a session of somebody else, or none', async () => {
      const bob = await pipeline.asker();
      for (const sessionId of [ann.sessionId, newId()]) {
        const refusal = await refusalOf(pipeline.post({ ...bob, sessionId }, { content: 'x' }));
        expect(refusal).to.deep.equal({ code: 'not_found', paths: ['body.sessionId'] });
      }
      expect(await counts(ann)).to.deep.include({ messages: 0, generations: 0, counted: 0 });
    });
  });

  it('takes the longest message that it may', async () => {
    const content = 'x'.repeat(MAX_MESSAGE_CHARS);
    expect((await pipeline.post(ann, { content })).message.content).to.equal(content);
  });

  describe('repeated', () => {
    for (const [name, body, key] of [
      ['clientMessageId', { content: 'Why?', clientMessageId: 'c-1' }, undefined],
      ['Idempotency-Key', { content: 'Why?' }, 'k-1'],
    ] as const) {
      it(`with one ${name}, 50 times at once: one message, one generation, the same answer`, async () => {
        const answers = await Promise.all(Array.from({ length: 50 }, () => pipeline.post(ann, body, key)));
        expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).to.equal(1);
        expect(await counts(ann)).to.deep.include({ messages: 2, generations: 1, counted: 2 });
        expect(pipeline.queue.enqueued).to.have.length(1);
        expect(pipeline.published(ann, 'message:new')).to.have.length(2);
      });
    }

    it('gets the first answer, whatever happened meanwhile', async () => {
      const body = { content: 'Why?', clientMessageId: 'c-1' };
      const first = await pipeline.post(ann, body);
      await pipeline.messages.remove(ann.userId, first.replies[0]?.id ?? '');
      await pipeline.messages.remove(ann.userId, first.message.id);
      expect(JSON.stringify(await pipeline.post(ann, body))).to.equal(JSON.stringify(first));
      await pipeline.sessions.remove(ann.userId, ann.sessionId);
      expect(JSON.stringify(await pipeline.post(ann, body))).to.equal(JSON.stringify(first));
      expect(await counts(ann)).to.deep.include({ messages: 0, generations: 1 });
    });

    it('with another body is refused', async () => {
      await pipeline.post(ann, { content: 'Why?', clientMessageId: 'c-1' });
      const refusal = await refusalOf(pipeline.post(ann, { content: 'How?', clientMessageId: 'c-1' }));
      expect(refusal.code).to.equal('idempotency_key_reused');
      expect(await counts(ann)).to.deep.include({ messages: 2, generations: 1 });
    });

    it('with two bodies at once: one is stored, the others are refused', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) =>
          pipeline.post(ann, { content: `Number ${i}`, clientMessageId: 'c-1' }),
        ),
      );
      const rejected = outcomes.filter((each) => each.status === 'rejected');
      expect(rejected).to.have.length(9);
      for (const { reason } of rejected) expect(reason).to.have.property('code', 'idempotency_key_reused');
      expect(await counts(ann)).to.deep.include({ messages: 2, generations: 1 });
    });

    describe('with a key and a clientMessageId', () => {
      const ask = (key: string | undefined, clientMessageId?: string, content = 'Why?') =>
        pipeline.post(ann, { content, clientMessageId }, key);

      it('gets the same answer with either of them, or with both', async () => {
        const first = await ask('k-1', 'c-1');
        for (const [key, own] of [['k-1'], [undefined, 'c-1'], ['k-1', 'c-1']] as const) {
          expect(await ask(key, own)).to.deep.equal(first);
        }
        expect(await counts(ann)).to.deep.include({ messages: 2, generations: 1, counted: 2 });
      });

      it('50 times at once, some with one of them: one generation, and each of them is known from then on', async () => {
        const asked = Array.from({ length: 50 }, (_, n) =>
          [
            ['k-1', 'c-1'],
            ['k-1', `c-${n}`],
            ['k-1', undefined],
          ].at(n % 3),
        );
        const answers = await Promise.all(asked.map((keys) => ask(keys?.[0], keys?.[1])));
        for (const keys of asked)
          answers.push(await ask(keys?.[1] === undefined ? 'k-1' : undefined, keys?.[1]));
        expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).to.equal(1);
        expect(await counts(ann)).to.deep.include({ messages: 2, generations: 1, counted: 2 });
        expect(pipeline.queue.enqueued).to.have.length(1);
      });

      it('50 times at once, each with a key of its own: one generation', async () => {
        const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => ask(`k-${n}`, 'c-1')));
        for (let n = 0; n < 50; n += 1) answers.push(await ask(`k-${n}`));
        expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).to.equal(1);
        expect(await counts(ann)).to.deep.include({ messages: 2, generations: 1 });
      });

      it('is refused where one of them came with another body, or they came with two requests', async () => {
        await ask('k-1', 'c-1');
        await ask('k-2');
        for (const again of [
          () => ask('k-1', 'c-3', 'How?'),
          () => ask('k-3', 'c-1', 'How?'),
          () => ask('k-2', 'c-1'),
        ]) {
          expect((await refusalOf(again())).code).to.equal('idempotency_key_reused');
        }
        // What was refused has used up no key.
        await ask('k-3', 'c-3', 'How?');
        expect(await counts(ann)).to.deep.include({ messages: 6, generations: 3 });
      });
    });

    it('a clientMessageId counts within its session and its user, a key within its user', async () => {
      const bob = await pipeline.asker();
      const other = await pipeline.sessions.create(ann.userId, {});
      const body = { content: 'Why?', clientMessageId: 'c-1' };
      const answers = [
        await pipeline.post(ann, body),
        await pipeline.post({ ...ann, sessionId: other.id }, body),
        await pipeline.post(bob, body),
        await pipeline.post(ann, { content: 'Why?' }, 'c-1'),
        await pipeline.post(bob, { content: 'Why?' }, 'c-1'),
      ];
      expect(new Set(answers.map(({ message }) => message.id)).size).to.equal(5);
    });
  });

  describe('the title', () => {
    it('is the beginning of the first message, and is announced', async () => {
      await pipeline.post(ann, { content: `  Why\n is ${'very '.repeat(50)}` });
      const { title } = await counts(ann);
      expect(title).to.match(/^Why is very very/);
      expect(title?.length).to.be.at.most(60);
      const [update] = pipeline.published(ann, 'session:update');
      expect(update?.payload).to.deep.include({ id: ann.sessionId, title });

      await pipeline.post(ann, { content: 'Something else' });
      expect(await counts(ann)).to.deep.include({ title });
      expect(pipeline.published(ann, 'session:update')).to.have.length(1);
    });

    it('that the owner gave stays', async () => {
      await pipeline.sessions.update(ann.userId, ann.sessionId, { title: 'Mine' });
      await pipeline.post(ann, { content: 'Why?' });
      expect(await counts(ann)).to.deep.include({ title: 'Mine' });
    });
  });

  it('counts every message of parallel requests into the session', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => pipeline.post(ann, { content: `Number ${i}` })));
    expect(await counts(ann)).to.deep.include({ messages: 40, generations: 20, counted: 40 });
  });

  async function counts({ sessionId }: Asker) {
    const [found] = await rows<{
      messages: number;
      generations: number;
      counted: number | null;
      title: string | null;
    }>(
      database().db,
      `SELECT (SELECT count(*)::int FROM messages WHERE session_id = $1) AS messages,
              (SELECT count(*)::int FROM generations WHERE session_id = $1) AS generations,
              (SELECT message_count FROM sessions WHERE id = $1) AS counted,
              (SELECT title FROM sessions WHERE id = $1) AS title`,
      [sessionId],
    );
    if (!found) throw new Error('nothing was counted');
    return found;
  }
});
