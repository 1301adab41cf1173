import { expect } from 'chai';
import fc from 'fast-check';
import { priceGeneration } from '../../src/services/price-generation.ts';

const free = {
  usdPerMillionCachedInput: '0',
  creditsPer100Tokens: '0',
  usdPerMillionInput: '0',
  usdPerMillionOutput: '0',
};
const tokens = (inputTokens: number, outputTokens: number) => ({ inputTokens, outputTokens });
const credits = (price: string, input: number, output: number): string =>
  priceGeneration(tokens(input, output), {
    ...free,
    usdPerMillionCachedInput: '0',
    creditsPer100Tokens: price,
  }).credits;

describe('priceGeneration', () => {
  it('charges the prices that the customer named', () => {
    expect(credits('20', 60, 40)).to.equal('20.000000');
    expect(credits('10', 0, 100)).to.equal('10.000000');
    expect(credits('20', 1, 0)).to.equal('0.200000');
  });

  it('costs nothing for nothing', () => {
    expect(
      priceGeneration(tokens(0, 0), { ...free, creditsPer100Tokens: '20' }),
    ).to.deep.equal({
      credits: '0.000000',
      costUsd: '0.0000000000',
    });
  });

  it('is exact where floating point is not', () => {
    // 0.1 + 0.2, and 1.005 * 100, in tokens and prices.
    expect(credits('0.1', 300, 0)).to.equal('0.300000');
    expect(credits('1.005', 100, 0)).to.equal('1.005000');
    const price = { ...free, usdPerMillionInput: '0.1', usdPerMillionOutput: '0.2' };
    expect(priceGeneration(tokens(3, 3), price).costUsd).to.equal('0.0000009000');
  });

  it('rounds half up to what the columns hold', () => {
    expect(credits('0.00005', 1, 0)).to.equal('0.000001');
    expect(credits('0.000049', 1, 0)).to.equal('0.000000');
    const price = { ...free, usdPerMillionInput: '0.00005' };
    expect(priceGeneration(tokens(1, 0), price).costUsd).to.equal('0.0000000001');
  });

  it('prices input and output apart in dollars', () => {
    const price = { ...free, usdPerMillionInput: '2.5', usdPerMillionOutput: '10' };
    expect(priceGeneration(tokens(1_000_000, 500_000), price).costUsd).to.equal('7.5000000000');
  });

  it('is exact for any number of tokens and any price with six decimals', () => {
    const amount = fc.bigInt({ min: 0n, max: 10n ** 10n });
    fc.assert(
      fc.property(fc.nat(2_000_000_000), fc.nat(2_000_000_000), amount, (input, output, micros) => {
        const price = `${micros / 1_000_000n}.${String(micros % 1_000_000n).padStart(6, '0')}`;
        // In units of 10^-8 credits; half up to 10^-6.
        const exact = (BigInt(input) + BigInt(output)) * micros;
        const rounded = (exact + 50n) / 100n;
        const want = `${rounded / 1_000_000n}.${String(rounded % 1_000_000n).padStart(6, '0')}`;
        expect(credits(price, input, output)).to.equal(want);
      }),
    );
  });
});
