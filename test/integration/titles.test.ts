import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import type { SessionRecord } from '../../src/data/entities/session.ts';
import { findOwnedSession, updateSession } from '../../src/data/repositories/sessions.ts';
import { ProviderError, type ProviderEvent } from '../../src/providers/provider.ts';
import { useTestDatabase } from '../support/database.ts';
import { type Asker, createPipeline, type Pipeline, SCRIPTED, type TestWorker } from '../support/pipeline.ts';

const finish: ProviderEvent = { type: 'finish', reason: 'stop' };
const usage: ProviderEvent = { type: 'usage', usage: { inputTokens: 60, outputTokens: 40 } };
const text = (words: string): ProviderEvent => ({ type: 'text', text: words });

describe('the title of a session', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let worker: TestWorker;
  let ann: Asker;

  beforeEach(async () => {
    pipeline = createPipeline(database());
    worker = pipeline.worker({ titleModel: 'script/a' });
    ann = await pipeline.asker();
  });
  afterEach(() => pipeline.close());

  /** Asks and has it answered; returns the generations that were queued after the reply. */
  async function exchange(question = 'Why is the sky blue?', by = worker): Promise<string[]> {
    const { generationId } = await pipeline.ask(ann, question);
    const [before, streams] = [pipeline.queue.enqueued.length, pipeline.provider.streams.length];
    const run = by.run(generationId);
    (await pipeline.provider.begun(streams)).push(text('Because of the air.'), usage, finish);
    await run;
    return pipeline.queue.enqueued.slice(before);
  }

  async function write(id: string, ...events: ProviderEvent[]): Promise<void> {
    const streams = pipeline.provider.streams.length;
    const run = worker.run(id);
    (await pipeline.provider.begun(streams)).push(...events);
    await run;
  }

  async function session(): Promise<SessionRecord> {
    const found = await findOwnedSession(database().db, ann.userId, ann.sessionId);
    return found as SessionRecord;
  }

  const titles = () =>
    rows<{ status: string; model: string; credits: string; input_tokens: number }>(
      database().db,
      `SELECT status, model, credits, input_tokens FROM generations WHERE kind = 'title' AND session_id = $1`,
      [ann.sessionId],
    );

  it('is written after the first reply, told to the room, and charged to nobody', async () => {
    const [id = ''] = await exchange();
    expect(await session()).to.deep.include({ title: 'Why is the sky blue?', titleBy: 'excerpt' });
    const charged = await pipeline.charges(ann);
    const { totalTokens } = await session();

    await write(id, text('"The blue '), text('sky."\n'), usage, finish);
    expect(await session()).to.deep.include({ title: 'The blue sky', titleBy: 'model', totalTokens });
    expect(pipeline.published(ann).at(-1)).to.deep.include({ event: 'session:update' });
    expect(pipeline.published(ann).at(-1)?.payload).to.deep.include({ title: 'The blue sky' });
    expect(await titles()).to.deep.equal([
      { status: 'completed', model: 'script/a', credits: '0.000000', input_tokens: 60 },
    ]);
    expect(await pipeline.charges(ann)).to.deep.equal(charged);
  });

  it('is written by a model that is named without its provider, too', async () => {
    expect(await exchange('Why?', pipeline.worker({ titleModel: 'a' }))).to.have.length(1);
    expect((await titles()).map(({ model }) => model)).to.deep.equal(['script/a']);
  });

  it('is asked of its model with the beginning of the conversation, and nothing else', async () => {
    const [id = ''] = await exchange('Why is the sky blue?');
    await write(id, text('Sky'), finish);
    const { request } = pipeline.provider.streams[1] ?? {};
    expect(request?.model).to.equal('a');
    expect(request?.turns.map(({ role }) => role)).to.deep.equal(['system', 'user']);
    expect(request?.turns[1]?.content).to.include('Why is the sky blue?').and.include('Because of the air.');
  });

  it('is written once, however many replies follow', async () => {
    expect(await exchange()).to.have.length(1);
    expect(await exchange('And why red?')).to.have.length(0);
    expect(await titles()).to.have.length(1);
  });

  it("is never put over the owner's, not even over one that is given meanwhile", async () => {
    const [id = ''] = await exchange();
    const change = { id: ann.sessionId, userId: ann.userId, changes: { title: 'Mine' } };
    await updateSession(database().db, change);
    await write(id, text('The blue sky'), finish);
    expect(await session()).to.deep.include({ title: 'Mine', titleBy: 'owner' });

    const other = await pipeline.asker();
    await rows(database().db, `UPDATE sessions SET title = 'Named at once' WHERE id = $1`, [other.sessionId]);
    ann = other;
    expect(await exchange()).to.have.length(0);
  });

  it('stays made of the first words when the model fails, or says nothing', async () => {
    const [id = ''] = await exchange();
    await write(id, { type: 'error', error: new ProviderError('bad_request', 'No.') });
    expect(await session()).to.deep.include({ title: 'Why is the sky blue?', titleBy: 'excerpt' });
    expect(await titles()).to.deep.include.members([
      { status: 'failed', model: 'script/a', credits: '0.000000', input_tokens: null },
    ]);

    ann = await pipeline.asker();
    const [empty = ''] = await exchange();
    await write(empty, text(' "" '), finish);
    expect(await session()).to.deep.include({ title: 'Why is the sky blue?', titleBy: 'excerpt' });
  });

  it('is not asked for without a model for it, nor of one that is not there', async () => {
    expect(await exchange('Why?', pipeline.worker())).to.have.length(0);
    expect(await exchange('Why?', pipeline.worker({ titleModel: 'script/unknown' }))).to.have.length(0);
    expect(await exchange('Why?', pipeline.worker({ titleModel: SCRIPTED }))).to.have.length(1);
  });

  it('ends quietly when its session is gone, or its worker has died', async () => {
    const [gone = ''] = await exchange();
    await rows(database().db, 'DELETE FROM sessions WHERE id = $1', [ann.sessionId]);
    expect(await worker.run(gone)).to.equal('done');
    expect(await titles()).to.deep.include.members([
      { status: 'cancelled', model: 'script/a', credits: '0.000000', input_tokens: null },
    ]);

    ann = await pipeline.asker();
    const [orphan = ''] = await exchange();
    await rows(database().db, `UPDATE generations SET status = 'streaming' WHERE id = $1`, [orphan]);
    expect(await worker.run(orphan)).to.equal('done');
    expect(await session()).to.deep.include({ titleBy: 'excerpt' });
  });

  it('is queued again by the sweeper when its job was lost', async () => {
    const [id = ''] = await exchange();
    await rows(
      database().db,
      `UPDATE generations SET created_at = now() - interval '1 minute' WHERE id = $1`,
      [id],
    );
    pipeline.queue.enqueued.length = 0;
    await pipeline.sweep();
    expect(pipeline.queue.enqueued).to.include(id);
  });
});
