import { expect } from 'chai';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { creditsInput, MAX_CREDITS } from '../../src/contracts/credits.ts';

describe('credits that are given', () => {
  /** Every amount that may be given, in millionths. */
  const millionths = fc.oneof(
    fc.integer({ min: -2_000_000, max: 2_000_000 }),
    fc.integer({ min: -MAX_CREDITS * 1e6, max: MAX_CREDITS * 1e6 }),
  );

  it('are exact, as numbers and as strings, and the same either way', () => {
    fc.assert(
      fc.property(millionths, (amount) => {
        const exact = new Decimal(amount).div(1e6);
        const expected = exact.isZero() ? '0' : exact.toFixed();
        expect(creditsInput.parse(exact.toNumber())).to.equal(expected);
        expect(creditsInput.parse(exact.toFixed(6))).to.equal(expected);
        // And come back in an answer as they are.
        expect(new Decimal(Number(expected)).toFixed()).to.equal(exact.isZero() ? '0' : expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are of the bound itself, and nothing beyond', () => {
    for (const bound of [MAX_CREDITS, -MAX_CREDITS, '1000000000', '-1000000000.000000']) {
      expect(Number(creditsInput.parse(bound))).to.equal(Number(bound));
    }
    for (const beyond of ['1000000000.000001', '-1000000000.000001', 1e9 + 1, 1e10, 1e300]) {
      expect(creditsInput.safeParse(beyond).error?.issues[0]?.message).to.equal(
        'must be from -1000000000 to 1000000000',
      );
    }
  });

  it('are decimal strings, or refused, whatever is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double(), fc.anything(), fc.string(), fc.mixedCase(fc.constant('1e5'))),
        (given) => {
          const { data, success } = creditsInput.safeParse(given);
          if (!success) return;
          expect(data).to.match(/^-?(0|[1-9]\d{0,9})(\.\d{0,5}[1-9])?$/);
          expect(Number(data)).to.equal(Number(given));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
