import { mock } from 'node:test';
import { expect } from 'chai';
import { SilenceWatch } from '../../src/base/silence-watch.ts';

describe('SilenceWatch', () => {
  let owed: boolean;
  let silences: number;
  let watch: SilenceWatch;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setInterval'] });
    [owed, silences] = [false, 0];
    watch = new SilenceWatch({ isOwed: () => owed, silenceMs: 1_000, onSilence: () => (silences += 1) });
    watch.start();
  });
  afterEach(() => mock.timers.reset());

  /** Lets time pass, a millisecond at a time, as it does. */
  function pass(ms: number): void {
    for (let left = ms; left > 0; left -= 1) mock.timers.tick(1);
  }

  it('tells of an answer that stays out', () => {
    owed = true;
    pass(1_000);
    expect(silences).to.equal(0);
    pass(100);
    expect(silences).to.equal(1);
  });

  it('waits on as long as anything is heard', () => {
    owed = true;
    for (let times = 0; times < 10; times += 1) {
      watch.heard();
      pass(900);
    }
    expect(silences).to.equal(0);
  });

  it('has patience anew with what is owed after a pause', () => {
    for (let times = 0; times < 10; times += 1) {
      owed = true;
      pass(900);
      owed = false;
      pass(200);
    }
    pass(10_000);
    expect(silences).to.equal(0);
  });

  it('tells nothing once it is stopped, and begins from the start when it is started again', () => {
    owed = true;
    pass(900);
    watch.stop();
    pass(10_000);
    watch.start();
    pass(1_000);
    expect(silences).to.equal(0);
    pass(100);
    expect(silences).to.equal(1);
  });
});
