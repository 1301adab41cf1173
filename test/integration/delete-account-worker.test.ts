import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import type { ProviderEvent } from '../../src/providers/provider.ts';
import { createAccessDirectory } from '../../src/services/access.ts';
import { createAnnouncer } from '../../src/services/announce.ts';
import { createDeleteAccount, type DeleteAccount } from '../../src/services/delete-account.ts';
import { useTestDatabase } from '../support/database.ts';
import { silentLog as log } from '../support/global.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const text = (words: string): ProviderEvent => ({ type: 'text', text: words });
const finish: ProviderEvent = { type: 'finish', reason: 'stop' };

describe('deleting an account while a worker writes for it', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let deleteAccount: DeleteAccount;
  let ann: Asker;
  let told: { control: boolean };

  beforeEach(async () => {
    pipeline = createPipeline(database());
    const { feed, queue } = pipeline;
    told = { control: true };
    const access = createAccessDirectory({ database: database(), control: feed.control });
    deleteAccount = createDeleteAccount({
      database: database(),
      queue,
      feed: {
        live: feed.live,
        control: {
          ...feed.control,
          publish: async (topic, payload) => {
            if (told.control) await feed.control.publish(topic, payload);
          },
        },
      },
      access,
      revocations: { announce: async () => {} },
      announce: createAnnouncer(feed.rooms, log),
      log,
    });
    ann = await pipeline.asker();
  });
  afterEach(() => pipeline.close());

  const liveOf = (messageId: string, attempt = 1) =>
    pipeline.feed.live.read({ sessionId: ann.sessionId, messageId, attempt });
  const traces = async () =>
    rows(
      database().db,
      `SELECT 'generation' FROM generations WHERE user_id = $1 UNION ALL SELECT 'message' FROM messages WHERE user_id = $1
       UNION ALL SELECT 'entry' FROM ledger_entries WHERE user_id = $1 AND kind = 'charge'
       UNION ALL SELECT 'use' FROM usage_days WHERE user_id = $1`,
      [ann.userId],
    );

  it('stops it, and leaves nothing of what it wrote', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = pipeline.worker().run(generationId);
    const stream = await pipeline.provider.begun(0);
    stream.push(text('So far'));
    await until('something is written', async () => (await liveOf(messageId)) !== null);

    expect(await deleteAccount({ userId: ann.userId })).to.equal(true);
    await until('the provider is left', () => stream.signal.aborted);
    expect(await run).to.equal('done');
    expect(await liveOf(messageId)).to.equal(null);
    expect(await traces()).to.deep.equal([]);
    const last = pipeline.published(ann).at(-1);
    expect(last?.event).to.equal('session:delete');
  });

  it('has it end by itself where it is not told, and drop what it has written since', async () => {
    told.control = false;
    const { messageId, generationId } = await pipeline.ask(ann);
    const worker = pipeline.worker();
    // Not even by its next sign of life.
    worker.running.stop();
    const run = worker.run(generationId);
    const stream = await pipeline.provider.begun(0);
    stream.push(text('So far'));
    await until('something is written', async () => (await liveOf(messageId)) !== null);
    await deleteAccount({ userId: ann.userId });
    expect(await liveOf(messageId)).to.equal(null);

    stream.push(text(', and on'));
    await until('it is put back', async () => (await liveOf(messageId)) !== null);
    stream.push(finish);
    expect(await run).to.equal('done');
    expect(await liveOf(messageId)).to.equal(null);
    expect(await traces()).to.deep.equal([]);
  });

  it('has it notice by its signs of life where it is not told', async () => {
    told.control = false;
    const { messageId, generationId } = await pipeline.ask(ann);
    const run = pipeline.worker().run(generationId);
    const stream = await pipeline.provider.begun(0);
    await deleteAccount({ userId: ann.userId });
    stream.push(text('Too late'));
    expect(await run).to.equal('done');
    expect(stream.signal.aborted).to.equal(true);
    expect(await liveOf(messageId)).to.equal(null);
  });

  it('has nobody begin what waited', async () => {
    const { generationId } = await pipeline.ask(ann);
    await deleteAccount({ userId: ann.userId });
    expect(pipeline.queue.removed).to.deep.equal([generationId]);
    expect(await pipeline.worker().run(generationId)).to.equal('done');
    expect(pipeline.provider.streams).to.have.length(0);
    await pipeline.sweep();
    expect(await traces()).to.deep.equal([]);
  });

  it('waits for what is being settled, and both go through', async () => {
    for (let round = 0; round < 10; round++) {
      ann = await pipeline.asker();
      const { generationId } = await pipeline.ask(ann);
      const run = pipeline.worker().run(generationId);
      const stream = await pipeline.provider.begun(round);
      stream.push(text('All of it'), finish);
      expect(await deleteAccount({ userId: ann.userId })).to.equal(true);
      expect(await run).to.equal('done');
      const left = await rows(
        database().db,
        'SELECT 1 FROM generations WHERE user_id = $1 UNION ALL SELECT 1 FROM messages WHERE user_id = $1',
        [ann.userId],
      );
      expect(left).to.deep.equal([]);
    }
  });

  it('is over when nobody can be told', async () => {
    const { queue, broker } = pipeline;
    const { generationId } = await pipeline.ask(ann);
    [queue.away, broker.away, told.control] = [true, true, false];
    expect(await deleteAccount({ userId: ann.userId })).to.equal(true);
    expect(await deleteAccount({ userId: ann.userId })).to.equal(false);
    expect(await pipeline.worker().run(generationId)).to.equal('done');
  });

  it('is decided one after the other for those who may do everything', async () => {
    const waiting = `SELECT 1 FROM pg_locks
      WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    for (let round = 0; round < 5; round++) {
      const ids = [(await pipeline.asker()).userId, (await pipeline.asker()).userId];
      await rows(database().db, `UPDATE users SET role = 'admin' WHERE id = ANY($1)`, [ids]);
      // Holds both up at their last step before they look whether an admin is left, if they get there both.
      const deleting = await database().transaction(async (db) => {
        await rows(db, 'LOCK TABLE gone_credentials');
        const started = Promise.allSettled(ids.map((userId) => deleteAccount({ userId })));
        await until('both wait', async () => (await rows(database().db, waiting)).length > 1);
        return { started };
      });
      const outcomes = await deleting.started;
      const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      expect(refused).to.have.length(1);
      expect(refused[0]).to.include({ code: 'conflict' });
      await rows(database().db, 'DELETE FROM users WHERE id = ANY($1)', [ids]);
    }
  });

  it('changes nothing when it is not approved', async () => {
    await pipeline.ask(ann);
    const before = await traces();
    const refused = deleteAccount({
      userId: ann.userId,
      approve: async () => {
        throw new Error('not by you');
      },
    });
    expect(await refused.catch((error: Error) => error.message)).to.equal('not by you');
    expect(await traces()).to.deep.equal(before);
    expect(pipeline.published(ann, 'session:delete')).to.deep.equal([]);
  });
});
