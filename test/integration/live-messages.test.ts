import { expect } from 'chai';
import { LATER_ATTEMPT } from '../../src/data/repositories/generations.ts';
import { createLiveMessages, type LiveMessages } from '../../src/services/live-messages.ts';
import { useTestDatabase } from '../support/database.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';

describe('messages as they are at this moment', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let asker: Asker;
  beforeEach(async () => {
    pipeline = createPipeline(database());
    asker = await pipeline.asker();
  });
  afterEach(() => pipeline.close());

  /** Where something happens after a row was read, and before its live text is. */
  function readers(happens: () => Promise<unknown>): LiveMessages {
    const { live } = pipeline.feed;
    let happened: Promise<unknown> | undefined;
    return createLiveMessages({
      database: database(),
      inrPerUsd: 88,
      live: {
        ...live,
        async read(ref) {
          happened ??= happens();
          await happened;
          return live.read(ref);
        },
      },
    });
  }

  it('are without one that was deleted while it was read: it would have less text than it had', async () => {
    for (const read of ['current', 'running'] as const) {
      const { messageId } = await pipeline.ask(asker);
      const erase = () => database().db.query('DELETE FROM messages WHERE id = $1', [messageId]);
      expect(await readers(erase)[read](asker.sessionId, [messageId]), read).to.deep.equal([]);
    }
  });

  it('have the text of the worker that took one over while it was read', async () => {
    const { messageId, generationId } = await pipeline.ask(asker);
    const takeOver = async () => {
      const claimed = `UPDATE generations SET attempt = $2, status = 'streaming' WHERE id = $1`;
      await database().db.query(claimed, [generationId, LATER_ATTEMPT]);
      const ref = { sessionId: asker.sessionId, messageId, attempt: LATER_ATTEMPT };
      const whole = () => 'Because';
      await pipeline.feed.live.open(ref).append({ channel: undefined, offset: 0, text: 'Because', whole });
    };
    const messages = await readers(takeOver).current(asker.sessionId, [messageId]);
    expect(messages).to.have.length(1);
    expect(messages[0]).to.include({ content: 'Because', attempt: LATER_ATTEMPT, status: 'streaming' });
  });
});
