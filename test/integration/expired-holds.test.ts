import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import { claimGeneration, FIRST_ATTEMPT } from '../../src/data/repositories/generations.ts';
import { beatGenerations } from '../../src/data/repositories/heartbeats.ts';
import type { LiveTexts } from '../../src/feed/ports.ts';
import type { RunGeneration } from '../../src/queue/generation-consumer.ts';
import { createSweepGenerations } from '../../src/services/sweep-generations.ts';
import { useTestDatabase } from '../support/database.ts';
import { silentLog as log } from '../support/global.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type Asker, createPipeline, type Pipeline, type TestWorker } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const WHY = 'Nobody could write this reply in time.';

describe('a hold that has run out', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let worker: TestWorker;
  let ann: Asker;

  beforeEach(async () => {
    // A sweep looks at everything that there is.
    await rows(
      database().db,
      'TRUNCATE generations, messages, sessions, usage_days, ledger_entries, users CASCADE',
    );
    pipeline = createPipeline(database());
    worker = pipeline.worker();
    // It gives no signs of life by itself: when it was heard of last is what the tests say.
    worker.running.stop();
    ann = await pipeline.asker({ credits: '10' });
  });
  afterEach(() => pipeline.close());

  /** Says when the hold ends, and when its worker was heard of last, both in seconds before now. */
  async function backdate(
    id: string,
    { expired, silent }: { expired: number; silent?: number },
  ): Promise<void> {
    await rows(
      database().db,
      `UPDATE generations SET hold_expires_at = now() - $2 * interval '1 second',
              heartbeat_at = CASE WHEN $3::int IS NULL THEN heartbeat_at ELSE now() - $3 * interval '1 second' END
        WHERE id = $1`,
      [id, expired, silent ?? null],
    );
  }

  async function account() {
    const sql = `SELECT balance::float8, held::float8, held_tokens::int AS tokens, running FROM accounts WHERE user_id = $1`;
    return (await rows(database().db, sql, [ann.userId]))[0];
  }

  /** What a room was told of a message. */
  const told = (messageId: string) =>
    pipeline
      .published(ann, 'message:update', 'message:error', 'message:done')
      .filter(({ payload }) =>
        [(payload as { id?: string }).id, (payload as { messageId?: string }).messageId].includes(messageId),
      )
      .map(({ event }) => event);

  /** A reply that is being written, with so much of it. */
  async function begun(written: string) {
    const asked = await pipeline.ask(ann);
    const run = worker.run(asked.generationId);
    const stream = await pipeline.provider.begun(pipeline.provider.streams.length);
    stream.push({ type: 'text', text: written });
    const ref = { sessionId: ann.sessionId, messageId: asked.messageId, attempt: 1 };
    await until('its text is live', async () => (await pipeline.feed.live.read(ref))?.text === written);
    return { ...asked, run, stream };
  }

  it('of a reply that no worker took ends it as failed: nothing is charged, nothing stays held, all are told', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    await backdate(generationId, { expired: 1 });
    expect(await pipeline.sweep()).to.equal(1);
    expect(await pipeline.stored(messageId)).to.deep.include({
      status: 'failed',
      // The first is for whoever was given it before: a claim of it may have been lost.
      attempt: 1,
      finishReason: 'error',
      errorCode: 'interrupted',
      credits: '0.000000',
      inputTokens: null,
    });
    expect(await account()).to.deep.equal({ balance: 10, held: 0, tokens: 0, running: 0 });
    expect(told(messageId)).to.deep.equal(['message:update', 'message:error', 'message:done']);
    const [error] = pipeline.published(ann, 'message:error');
    expect(error?.payload).to.have.nested.property('error.message', WHY);
    const balances = pipeline.events.filter(({ event }) => (event as string) === 'balance:update');
    expect(balances.at(-1)?.payload).to.deep.equal({ balance: 10, held: 0, available: 10 });
    expect(pipeline.queue.enqueued, 'it is not queued again').to.deep.equal([generationId]);
    expect(await pipeline.sweep()).to.equal(0);
    await expectInvariants(database());
  });

  it('that has a moment left leaves the reply to wait', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    await backdate(generationId, { expired: -5 });
    expect(await pipeline.sweep()).to.equal(0);
    expect(await pipeline.stored(messageId)).to.deep.include({ status: 'queued' });
    expect(await account()).to.deep.include({ running: 1 });
  });

  it('lasts as many minutes as it is told to', async () => {
    pipeline.holds.minutes = 7;
    const { generationId } = await pipeline.ask(ann);
    const [found] = await rows<{ minutes: number }>(
      database().db,
      `SELECT extract(epoch FROM hold_expires_at - created_at)::float8 / 60 AS minutes FROM generations WHERE id = $1`,
      [generationId],
    );
    expect(found?.minutes).to.equal(7);
  });

  it('of a reply whose worker fell silent ends it with its text, which is charged', async () => {
    const { messageId, generationId, run, stream } = await begun('It began so');
    await backdate(generationId, { expired: 1, silent: 13 });
    expect(await pipeline.sweep()).to.be.greaterThan(0);
    const stored = await pipeline.stored(messageId);
    expect(stored).to.deep.include({
      status: 'failed',
      attempt: 1,
      finishReason: 'error',
      errorCode: 'interrupted',
      usageEstimated: true,
    });
    expect(await pipeline.content(messageId)).to.equal('It began so');
    // A credit for a hundred tokens.
    const tokens = (stored.inputTokens ?? 0) + (stored.outputTokens ?? 0);
    expect(tokens).to.equal(5);
    expect(await pipeline.charges(ann)).to.deep.equal([-0.05]);
    expect(await account()).to.deep.equal({ balance: 9.95, held: 0, tokens: 0, running: 0 });
    expect(told(messageId)).to.deep.equal(['message:update', 'message:error', 'message:done']);
    stream.push({ type: 'finish', reason: 'stop' });
    await run;
    await expectInvariants(database());
  });

  it('of a reply keeps its text also when whoever was giving it up died, too', async () => {
    const { messageId, generationId, run, stream } = await begun('It began so');
    await backdate(generationId, { expired: 1, silent: 13 });
    // A worker that gives up, up to its claim.
    expect(await claimGeneration(database().db, generationId, FIRST_ATTEMPT)).to.deep.include({
      attempt: 2,
      expired: true,
    });
    await backdate(generationId, { expired: 1, silent: 13 });
    expect(await pipeline.sweep()).to.be.greaterThan(0);
    expect(await pipeline.stored(messageId)).to.deep.include({ status: 'failed', errorCode: 'interrupted' });
    expect(await pipeline.content(messageId)).to.equal('It began so');
    expect(await pipeline.charges(ann)).to.have.length(1);
    stream.push({ type: 'finish', reason: 'stop' });
    await run;
  });

  it('keeps a worker that comes back from writing, publishing or charging anything', async () => {
    const { messageId, generationId, run, stream } = await begun('It began so');
    await backdate(generationId, { expired: 1, silent: 13 });
    // Another process sweeps, and this worker knows nothing of it.
    const elsewhere = createPipeline(database(), undefined, pipeline.feed);
    expect(await elsewhere.sweep()).to.be.greaterThan(0);
    const [before, events] = [await pipeline.stored(messageId), told(messageId).length];
    stream.push({ type: 'text', text: ' and went on.' }, { type: 'finish', reason: 'stop' });
    await run;
    expect(await pipeline.stored(messageId)).to.deep.equal(before);
    expect(await pipeline.content(messageId)).to.equal('It began so');
    expect(told(messageId)).to.have.length(events);
    expect(await pipeline.charges(ann)).to.deep.equal([-0.05]);
    await expectInvariants(database());
  });

  it('is prolonged by every sign of life', async () => {
    const { messageId, generationId, run, stream } = await begun('Still');
    await backdate(generationId, { expired: 1, silent: 13 });
    expect(await beatGenerations(database().db, [{ id: generationId, attempt: 1 }], 60)).to.have.length(1);
    expect(await pipeline.sweep()).to.equal(0);
    // Silent once more, which is for the queue to mend: the hold lasts for another hour.
    const silent = `UPDATE generations SET heartbeat_at = now() - interval '13 seconds' WHERE id = $1`;
    await rows(database().db, silent, [generationId]);
    pipeline.queue.enqueued.length = 0;
    expect(await pipeline.sweep()).to.equal(1);
    expect(pipeline.queue.enqueued).to.deep.equal([generationId]);
    expect(await pipeline.stored(messageId)).to.deep.include({ status: 'streaming', attempt: 1 });
    stream.push({ type: 'text', text: ' here.' }, { type: 'finish', reason: 'stop' });
    await run;
    expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed', attempt: 1 });
    expect(await pipeline.content(messageId)).to.equal('Still here.');
    await expectInvariants(database());
  });

  it('is left to a worker that took the reply at the last moment, and was not heard of since', async () => {
    const { messageId, generationId, run, stream } = await begun('Just');
    await backdate(generationId, { expired: 1 });
    expect(await pipeline.sweep()).to.equal(0);
    stream.push({ type: 'text', text: ' in time.' }, { type: 'finish', reason: 'stop' });
    await run;
    expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed', attempt: 1 });
  });

  it('ends a reply also when a worker takes it after all', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    await backdate(generationId, { expired: 1 });
    expect(await worker.run(generationId)).to.equal('done');
    expect(pipeline.provider.streams, 'nobody was asked').to.deep.equal([]);
    expect(await pipeline.stored(messageId)).to.deep.include({ status: 'failed', errorCode: 'interrupted' });
    await expectInvariants(database());
  });

  it('is ended by one of two that sweep at once', async () => {
    const asked = await Promise.all(Array.from({ length: 5 }, () => pipeline.ask(ann)));
    for (const { generationId } of asked) await backdate(generationId, { expired: 1 });
    await Promise.all([pipeline.sweep(), pipeline.sweep(), pipeline.sweep()]);
    for (const { messageId } of asked) {
      expect(await pipeline.stored(messageId)).to.deep.include({ status: 'failed', credits: '0.000000' });
    }
    expect(await account()).to.deep.equal({ balance: 10, held: 0, tokens: 0, running: 0 });
    await expectInvariants(database());
  });

  it('is ended with its text by whoever of many sweeps last', async () => {
    // As far away as a Redis in another machine.
    const { live } = pipeline.feed;
    const far = <T>(ask: () => Promise<T>) => sleep(2).then(ask);
    const away: LiveTexts = {
      ...live,
      read: (ref) => far(() => live.read(ref)),
      drop: (ref) => far(() => live.drop(ref)),
    };
    const sweeping = createPipeline(database(), undefined, { ...pipeline.feed, live: away });
    for (let round = 0; round < 10; round += 1) {
      const { messageId, generationId, run, stream } = await begun('It began so');
      await backdate(generationId, { expired: 1, silent: 13 });
      await Promise.all([sweeping.sweep(), sweeping.sweep(), sweeping.sweep()]);
      expect(await pipeline.content(messageId), `round ${round}`).to.equal('It began so');
      stream.push({ type: 'finish', reason: 'stop' });
      await run;
    }
    expect(await pipeline.charges(ann)).to.have.length(10);
    await expectInvariants(database());
  });

  it('of a reply that cannot be ended keeps no other from its end, nor from the queue', async () => {
    const [broken, expired, lost] = [
      await pipeline.ask(ann),
      await pipeline.ask(ann),
      await pipeline.ask(ann),
    ];
    for (const { generationId } of [broken, expired]) await backdate(generationId, { expired: 1 });
    const before = `UPDATE generations SET created_at = now() - interval '10 seconds' WHERE id = $1`;
    await rows(database().db, before, [lost.generationId]);
    const { queue } = pipeline;
    queue.enqueued.length = 0;
    const run: RunGeneration = (start) =>
      start.generationId === broken.generationId
        ? Promise.reject(new Error('It does not go.'))
        : worker.start(start);
    await createSweepGenerations({ database: database(), queue, run, log })();
    expect(await pipeline.stored(broken.messageId)).to.deep.include({ status: 'queued' });
    expect(await pipeline.stored(expired.messageId)).to.deep.include({ status: 'failed' });
    expect(queue.enqueued).to.deep.equal([lost.generationId]);
  });

  it('of a reply that somebody stopped ends it as stopped', async () => {
    const { messageId, generationId, run, stream } = await begun('Some');
    await rows(database().db, 'UPDATE generations SET cancel_requested_at = now() WHERE id = $1', [
      generationId,
    ]);
    await backdate(generationId, { expired: 1, silent: 13 });
    await pipeline.sweep();
    expect(await pipeline.stored(messageId)).to.deep.include({
      status: 'cancelled',
      finishReason: 'cancelled',
    });
    expect(await pipeline.content(messageId)).to.equal('Some');
    stream.push({ type: 'finish', reason: 'stop' });
    await run;
    await expectInvariants(database());
  });
});
