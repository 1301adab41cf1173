import { expect } from 'chai';
import { claimGeneration, FIRST_ATTEMPT } from '../../src/data/repositories/generations.ts';
import { createGenerationContext } from '../../src/services/generation-context.ts';
import { useTestDatabase } from '../support/database.ts';
import { createPipeline } from '../support/pipeline.ts';
import { seedMessages } from '../support/seed-messages.ts';

const MAX_BYTES = 8_000_000;

describe('what a generation has before it', () => {
  const database = useTestDatabase();

  it('is read up to some bytes, newest first, whatever stands in the session', async () => {
    const pipeline = createPipeline(database());
    const asker = await pipeline.asker();
    const seed = { userId: asker.userId, sessionId: asker.sessionId };
    // Two bytes a character.
    await seedMessages(database().db, { ...seed, count: 50, content: 'é'.repeat(100_000) });
    const { generationId } = await pipeline.ask(asker, 'Why?');

    const queries: string[] = [];
    const query = async (...asked: [string, unknown[]?]) => {
      const found = await database().db.query(...asked);
      queries.push(JSON.stringify(found));
      return found;
    };
    const db = new Proxy(database().db, {
      get: (target, name) => (name === 'query' ? query : Reflect.get(target, name, target)),
    });
    const context = createGenerationContext({ database: { ...database(), db } });
    const read = await context.read(generationId);
    expect(Buffer.byteLength(queries.join(''))).to.be.within(MAX_BYTES / 2, MAX_BYTES * 1.1);

    // A model that could take all of it is told what was read, and the question last.
    const claim = await claimGeneration(database().db, generationId, FIRST_ATTEMPT);
    if (claim?.kind !== 'reply') throw new Error('it could not be claimed');
    const huge = { contextLength: 100_000_000, maxOutputTokens: null };
    const { turns } = await context.prompt(claim, read, huge);
    expect(turns.at(-1)).to.deep.equal({ role: 'user', content: 'Why?' });
    expect(turns).to.have.length.within(20, 40);
    await pipeline.close();
  });

  it('has the question, however long that is', async () => {
    const pipeline = createPipeline(database());
    const asker = await pipeline.asker();
    const { generationId, questionId } = await pipeline.ask(asker, 'Why?');
    await database().db.query('UPDATE messages SET content = $2 WHERE id = $1', [
      questionId,
      'é'.repeat(5_000_000),
    ]);
    const { messages, truncated } = await createGenerationContext({ database: database() }).read(
      generationId,
    );
    expect(messages.map(({ id }) => id)).to.deep.equal([questionId]);
    expect(truncated).to.equal(false);
    await pipeline.close();
  });
});
