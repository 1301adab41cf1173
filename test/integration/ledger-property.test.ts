import { expect } from 'chai';
import { CrashChecks } from '../support/crash-checks.ts';
import { MOMENTS } from '../support/crash-points.ts';
import { CrashProgram } from '../support/crash-program.ts';
import { CrashWorld } from '../support/crash-world.ts';
import { useTestDatabase } from '../support/database.ts';
import { random } from '../support/random.ts';
import { PublishedTexts } from '../support/session-watch.ts';

/** `PROPERTY_OPERATIONS`: for a shorter or a longer look. */
const OPERATIONS = Number(process.env.PROPERTY_OPERATIONS) || 10_000;
/** So many that a process should have died at every step. */
const ENOUGH_FOR_ALL_STEPS = 10_000;
/** After so many everything comes to its end, and all is checked. */
const BATCH = 500;

/** The steps of the pipeline (specification, section 1): a process must have died before each of them, and after it. */
const STEPS = {
  admit: ['find answer', 'find session', 'keep answer', 'read messages'],
  commit: ['store turn', 'commit: keep answer', 'read limits'],
  enqueue: ['enqueue', 'publish message:new', 'publish balance:update'],
  claim: ['claim', 'read context'],
  stream: ['append', 'publish message:update', 'read live text', 'store try', 'hand over', 'grow hold'],
  settle: [
    'end generation',
    'store text',
    'count in session',
    'count in statistics',
    'release hold',
    'post entry',
    'commit: end generation',
  ],
  announce: ['publish message:error', 'publish message:done', 'drop live text', 'find message of job'],
  stop: ['request stop', 'commit: request stop', 'tell generation:stop', 'remove job'],
  sweep: ['find expired', 'find forgotten'],
  grant: ['commit: post entry'],
};

describe('credits, whatever happens', () => {
  const database = useTestDatabase();
  const chance = random(Number(process.env.PROPERTY_SEED) || undefined);

  it(`${OPERATIONS} random operations, in processes that die between any two steps, break no invariant (seed ${chance.seed})`, async function () {
    this.timeout(600_000);
    await database().db.query(
      `ALTER DATABASE ${new URL(database().url).pathname.slice(1)} SET synchronous_commit = off`,
    );
    const world = new CrashWorld(database(), chance);
    const program = new CrashProgram(world);
    const checks = new CrashChecks(program, new PublishedTexts(world.feed));
    await program.open();
    try {
      for (let done = 0; done < OPERATIONS; done += BATCH) {
        await program.operate(BATCH);
        await program.quiesce();
        await checks.expectAll();
        world.calm(false);
      }
      await checks.expectEndsUnchanged();
      if (OPERATIONS < ENOUGH_FOR_ALL_STEPS) return;
      const coverage = Object.values(world.coverage);
      const missed = Object.values(STEPS)
        .flat()
        .flatMap((step) => MOMENTS.map((moment) => ({ step, moment })))
        .filter(({ step, moment }) => !coverage.some((each) => each.deaths(step, moment) > 0));
      expect(missed, `nothing died there; what was crossed:\n${coverage.join('\n')}`).to.deep.equal([]);
    } finally {
      await world.close();
    }
  });
});
