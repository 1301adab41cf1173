import { expect } from 'chai';
import { Pace } from '../../src/feed/pace.ts';

/** A pace after many round trips of one length. */
function paceAfter(roundTripMs: number, trips = 2_000): Pace {
  const pace = new Pace();
  for (let n = 0; n < trips; n += 1) pace.pauseAfter(roundTripMs);
  return pace;
}

describe('Pace', () => {
  it('asks nobody to wait while round trips are short', () => {
    expect(paceAfter(0.1).pauseAfter(0.1)).to.equal(0);
  });

  it('keeps the publishes of a generation eight round trips apart', () => {
    expect(paceAfter(5).pauseAfter(5)).to.be.closeTo(35, 0.01);
    expect(paceAfter(5).pauseAfter(1), 'counted from when it was sent').to.be.closeTo(39, 0.5);
  });

  it('never keeps them more than 60 ms apart, and adds nothing to a round trip that took as long', () => {
    expect(paceAfter(50).pauseAfter(10)).to.be.closeTo(50, 0.01);
    expect(paceAfter(50).pauseAfter(59.5)).to.equal(0);
    expect(paceAfter(50).pauseAfter(700)).to.equal(0);
  });

  it('is not put off by a single failure', () => {
    const pace = paceAfter(0.1);
    pace.pauseAfter(10_000);
    expect(pace.pauseAfter(0.1)).to.be.below(6);
  });

  it('forgets a load that is over', () => {
    const pace = paceAfter(50);
    for (let n = 0; n < 1_000; n += 1) pace.pauseAfter(0.1);
    expect(pace.pauseAfter(0.1)).to.equal(0);
  });
});
