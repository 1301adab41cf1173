import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { type Generation, generationSchema } from '../../src/contracts/routes/admin-generations.ts';
import { rows } from '../../src/data/database.ts';
import { BAD_CURSORS } from '../support/bad-cursors.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { type ModelWorld, startModelWorld } from '../support/model-world.ts';
import type { RestClient } from '../support/rest-client.ts';

const TRIES = [
  {
    provider: 'openai',
    model: 'openai/a',
    error: 'overloaded',
    startedAt: '2026-11-20T12:00:00.000Z',
    ms: 12,
  },
  {
    provider: 'anthropic',
    model: 'anthropic/b',
    error: null,
    startedAt: '2026-11-20T12:00:00.020Z',
    ms: 900,
  },
];

describe('the log of generations', () => {
  const database = useTestDatabase();
  let world: ModelWorld;
  let ann: RestClient;
  let admin: RestClient;
  const ids: string[] = [];

  before(async () => {
    world = await startModelWorld(database(), { providers: [] });
    ann = await world.signUp();
    admin = await world.signUp('admin');
    for (const status of ['completed', 'failed', 'completed', 'failed', 'queued']) {
      const id = newId();
      ids.unshift(id);
      await rows(
        database().db,
        `INSERT INTO generations (id, user_id, session_id, message_id, model, status, price, tries, input_tokens,
           output_tokens, cost_usd, credits, error_code, error_message)
         VALUES ($1, $2, $3, $4, 'openai/a', $5, '{}', $6, 3, 4, 0.5, 1.25, $7, $8)`,
        [
          id,
          ann.userId,
          newId(),
          newId(),
          status,
          JSON.stringify(TRIES),
          ...(status === 'failed' ? ['provider_failed', 'No model could answer.'] : [null, null]),
        ],
      );
    }
  });
  after(() => world.close());

  it('tells an admin how everybody’s went, newest first, and nothing of what was said', async () => {
    const listed = await admin.all<Generation>('/admin/generations?limit=2');
    expect(listed.map(({ id }) => id)).to.deep.equal(ids);
    for (const each of listed) generationSchema.strict().parse(each);
    expect(listed[1]).to.deep.include({
      userId: ann.userId,
      status: 'failed',
      tries: TRIES,
      error: { code: 'provider_failed', message: 'No model could answer.' },
      cost: { usd: 0.5, inr: 44 },
      credits: 1.25,
    });
  });

  it('can be narrowed to a state, page by page', async () => {
    const failed = await admin.all<Generation>('/admin/generations?limit=1&status=failed');
    expect(failed.map(({ id }) => id)).to.deep.equal([ids[1], ids[3]]);
    const waiting = await admin.all<Generation>('/admin/generations?status=queued');
    expect(waiting.map(({ id }) => id)).to.deep.equal([ids[0]]);
  });

  it('is closed to others, and refuses what makes no sense', async () => {
    await expectProblem(await ann.send('GET', '/admin/generations'), 'forbidden');
    const lost = await admin.send('GET', '/admin/generations?status=lost');
    await expectProblem(lost, 'validation_failed', ['query.status']);
    for (const cursor of BAD_CURSORS) {
      const path = `/admin/generations?cursor=${encodeURIComponent(cursor)}`;
      await expectProblem(await admin.send('GET', path), 'validation_failed', ['query.cursor']);
    }
  });
});
