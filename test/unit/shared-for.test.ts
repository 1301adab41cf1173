import { expect } from 'chai';
import { sharedFor } from '../../src/base/shared-for.ts';
import { type Deferred, defer } from '../support/deferred.ts';
import { microtasks } from '../support/until.ts';

describe('work that is shared', () => {
  const MS = 100;
  let now: number;
  let runs: Deferred<string>[];
  let ask: () => Promise<string>;
  beforeEach(() => {
    [now, runs] = [1_000, []];
    const work = () => {
      const run = defer<string>();
      runs.push(run);
      return run.promise;
    };
    ask = sharedFor(MS, work, () => now);
  });

  it('is done once for all who ask while it goes on, also when that is long', async () => {
    const first = ask();
    now += MS * 2;
    const late = ask();
    runs[0]?.resolve('done');
    expect(await Promise.all([first, late])).to.deep.equal(['done', 'done']);
    expect(runs).to.have.lengthOf(1);
  });

  it('is done again for who asks after its time', async () => {
    void ask();
    runs[0]?.resolve('one');
    await microtasks();
    expect(await ask()).to.equal('one');
    now += MS;
    void ask();
    expect(runs).to.have.lengthOf(2);
  });

  it('is done again at once when it took longer than its time', async () => {
    void ask();
    now += MS;
    runs[0]?.resolve('one');
    await microtasks();
    void ask();
    expect(runs).to.have.lengthOf(2);
  });

  it('shares its failure, and no longer than anything else', async () => {
    const failing = ask();
    runs[0]?.reject(new Error('away'));
    for (const asked of [failing, ask()]) {
      expect(await asked.catch((error: Error) => error.message)).to.equal('away');
    }
    now += MS;
    const next = ask();
    runs[1]?.resolve('back');
    expect(await next).to.equal('back');
  });
});
