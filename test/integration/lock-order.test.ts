import { expect } from 'chai';
import { type Db, rows } from '../../src/data/database.ts';
import { claimGeneration, FIRST_ATTEMPT } from '../../src/data/repositories/generations.ts';
import { beatGenerations, prolongWatches } from '../../src/data/repositories/heartbeats.ts';
import { requestStop } from '../../src/data/repositories/stop-requests.ts';
import { useTestDatabase } from '../support/database.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

/** Statements that change many generations meet others that do: each must lock them in the order of their ids. */
describe('many generations are locked in one order', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let ann: Asker;
  /** The older one is stored behind the newer one, so that a statement which takes them as they come begins with the newer. */
  let older: { messageId: string; generationId: string };
  let newer: { messageId: string; generationId: string };

  beforeEach(async () => {
    pipeline = createPipeline(database());
    ann = await pipeline.asker();
    older = await pipeline.ask(ann);
    newer = await pipeline.ask(ann);
    await rows(
      database().db,
      'UPDATE generations SET watched_until = now() WHERE id = ANY($1) RETURNING id',
      [[older.generationId, newer.generationId]],
    );
    for (const { generationId } of [newer, older]) {
      await claimGeneration(database().db, generationId, FIRST_ATTEMPT);
    }
  });
  afterEach(() => pipeline.close());

  const statements: [string, (db: Db) => Promise<unknown>][] = [
    [
      'by signs of life',
      (db) =>
        beatGenerations(
          db,
          [newer, older].map(({ generationId: id }) => ({ id, attempt: 1 })),
          60,
        ),
    ],
    [
      'by those who wait for them',
      (db) =>
        prolongWatches(
          db,
          [newer, older].map(({ messageId }) => messageId),
          10_000,
        ),
    ],
    ['by a stop', (db) => requestStop(db, ann)],
  ];
  for (const [what, change] of statements) {
    it(what, async () => {
      let changing: Promise<unknown> | undefined;
      await database().transaction(async (other) => {
        await lock(other, older.generationId);
        changing = change(database().db);
        changing.catch(() => {});
        await until('it waits', isSomebodyWaiting);
        // With a circle, this is where PostgreSQL would end one of the two.
        await lock(other, newer.generationId);
      });
      await changing;
    });
  }

  const lock = (db: Db, id: string) =>
    rows(db, 'SELECT id FROM generations WHERE id = $1 FOR UPDATE NOWAIT', [id]);

  async function isSomebodyWaiting(): Promise<boolean> {
    const sql = `SELECT EXISTS (SELECT FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock') AS waiting`;
    const [found] = await rows<{ waiting: boolean }>(database().db, sql);
    expect(found).to.not.equal(undefined);
    return found?.waiting === true;
  }
});
