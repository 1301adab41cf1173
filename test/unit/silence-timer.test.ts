import { expect } from 'chai';
import { SilenceTimer } from '../../src/providers/silence-timer.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a silence timer', () => {
  let calls = 0;
  const timer = new SilenceTimer(() => {
    calls += 1;
  });
  beforeEach(() => {
    calls = 0;
  });

  it('calls once when nothing was heard for long enough', async () => {
    timer.begin(5);
    timer.begin(5);
    await pause(40);
    expect(calls).to.equal(1);
  });

  it('does not call after its end', async () => {
    timer.begin(5);
    timer.end();
    await pause(40);
    expect(calls).to.equal(0);
  });

  it('does not take a busy process for silence: what arrived meanwhile begins it anew', async () => {
    timer.begin(5);
    const busyUntil = performance.now() + 30;
    while (performance.now() < busyUntil);
    // Due as well, and after it in the same turn: like what the network brings.
    const heard = new Promise<void>((resolve) => {
      setTimeout(() => {
        timer.begin(60_000);
        resolve();
      }, 1);
    });
    while (performance.now() < busyUntil + 10);
    await heard;
    await pause(10);
    expect(calls).to.equal(0);
    timer.end();
  });
});
