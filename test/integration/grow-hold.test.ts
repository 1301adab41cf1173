import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import { claimGeneration, FIRST_ATTEMPT } from '../../src/data/repositories/generations.ts';
import { createGrowHold, type UserGrowth } from '../../src/services/grow-hold.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { type SpiedDatabase, spyOn } from '../support/spied-database.ts';

describe('holds that grow at the same time', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let spied: SpiedDatabase;

  beforeEach(() => {
    pipeline = createPipeline(database());
    spied = spyOn(database());
  });
  afterEach(async () => {
    await pipeline.close();
    // Nobody ends them here.
    await expectInvariants(database(), ['every generation has ended']);
  });

  /** Generations that are being written, of one person or of as many. */
  async function written(count: number, shape: { credits?: string; of?: Asker } = {}): Promise<UserGrowth[]> {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const { of, ...person } = shape;
        const asker = of ?? (await pipeline.asker(person));
        const { generationId: id } = await pipeline.ask(asker);
        await claimGeneration(database().db, id, FIRST_ATTEMPT);
        return { id, attempt: 1, userId: asker.userId, tokens: 100 };
      }),
    );
  }

  /** How many generations each statement was about. */
  const together = () => spied.asked.map(({ params }) => (params[0] as string[]).length);

  it('grow in one statement, but for the first of them', async () => {
    const growths = await written(20);
    const grow = createGrowHold({ database: spied, overdraft: null });
    const grown = await Promise.all(growths.map(grow));
    expect(grown.map((each) => [each?.id, each?.userId, each?.tokens])).to.deep.equal(
      growths.map(({ id, userId, tokens }) => [id, userId, tokens]),
    );
    expect(together()).to.deep.equal([1, 19]);
  });

  it('of one account grow one after the other: what one takes is not there for the next', async () => {
    const ann = await pipeline.asker({ credits: '5' });
    const growths = await written(3, { of: ann });
    const [held] = await rows<{ tokens: number }>(
      database().db,
      'SELECT held_tokens::int AS tokens FROM accounts WHERE user_id = $1',
      [ann.userId],
    );
    const left = 500 - (held?.tokens ?? Number.NaN);
    const [other] = await written(1);
    const grow = createGrowHold({ database: spied, overdraft: '0' });
    const grown = await Promise.all([...growths, other as UserGrowth].map(grow));
    expect(left).to.be.within(101, 199);
    expect(grown.map((each) => each?.tokens)).to.deep.equal([100, left - 100, 0, 100]);
    expect(together()).to.deep.equal([1, 2, 1]);
  });

  it('do not wait for an account that somebody has', async () => {
    const growths = await written(4);
    const [, locked] = growths as [UserGrowth, UserGrowth];
    const runner = database().dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT 1 FROM accounts WHERE user_id = $1 FOR UPDATE', [locked.userId]);
    const grow = createGrowHold({ database: spied, overdraft: null });
    let waits = true;
    const answers = growths.map((growth) => grow(growth));
    const late = answers[1]?.then((grown) => {
      waits = false;
      return grown;
    });
    const others = await Promise.all(answers.filter((_, index) => index !== 1));
    expect(others.map((each) => each?.tokens)).to.deep.equal([100, 100, 100]);
    const [next] = await written(1);
    expect(await grow(next as UserGrowth)).to.deep.include({ tokens: 100 });
    expect(waits, 'the one that is locked waits').to.equal(true);
    await runner.commitTransaction();
    await runner.release();
    expect(await late).to.deep.include({ id: locked.id, tokens: 100 });
  });

  it('are told apart: one that is not current is refused, the others grow', async () => {
    const growths = await written(4);
    const [, stale, ended] = growths as [UserGrowth, UserGrowth, UserGrowth];
    await claimGeneration(database().db, stale.id, FIRST_ATTEMPT);
    await rows(database().db, "UPDATE generations SET status = 'queued' WHERE id = $1", [ended.id]);
    const grow = createGrowHold({ database: spied, overdraft: null });
    const grown = await Promise.all(growths.map(grow));
    expect(grown.map((each) => each?.tokens)).to.deep.equal([100, undefined, undefined, 100]);
  });

  it('fail alone: one that cannot be stored keeps nobody from growing', async () => {
    const growths = await written(3);
    const grow = createGrowHold({ database: spied, overdraft: null });
    const broken = { ...(growths[1] as UserGrowth), tokens: 2 ** 40 };
    const answers = [growths[0] as UserGrowth, broken, growths[2] as UserGrowth].map(grow);
    const ends = await Promise.allSettled(answers);
    expect(ends.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled']);
  });
});
