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
    expect(priceGeneration(tokens(0, 0), { ...free, creditsPer100Tokens: '20' })).to.deep.equal({
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

  it('prices cached input apart, and never more of it than there was input', () => {
    const price = {
      ...free,
      usdPerMillionInput: '3',
      usdPerMillionCachedInput: '0.3',
      usdPerMillionOutput: '15',
    };
    const used = { inputTokens: 1_000, cachedInputTokens: 900, outputTokens: 100 };
    expect(priceGeneration(used, price).costUsd).to.equal('0.0020700000');
    expect(priceGeneration({ ...used, cachedInputTokens: 5_000 }, price).costUsd).to.equal('0.0018000000');
  });

  it('takes the price of input for cached input where an older generation has none', () => {
    const { usdPerMillionCachedInput: _, ...older } = { ...free, usdPerMillionInput: '3' };
    const used = { inputTokens: 1_000, cachedInputTokens: 900, outputTokens: 0 };
    expect(priceGeneration(used, older).costUsd).to.equal('0.0030000000');
  });

  it('counts credits by the model that was asked, and dollars by the one that answered', () => {
    const asked = { ...free, creditsPer100Tokens: '20', usdPerMillionInput: '1' };
    const answered = { ...free, creditsPer100Tokens: '1', usdPerMillionInput: '7' };
    expect(priceGeneration(tokens(100, 0), asked, answered)).to.deep.equal({
      credits: '20.000000',
      costUsd: '0.0007000000',
    });
  });

  it('believes what the provider says that it cost, but only if that is an amount of money', () => {
    const price = { ...free, usdPerMillionInput: '1000000' };
    const cost = (costUsd: string) => priceGeneration({ ...tokens(1, 0), costUsd }, price).costUsd;
    expect(cost('0.00014')).to.equal('0.0001400000');
    expect(cost('0')).to.equal('0.0000000000');
    expect(cost('1.5e-7')).to.equal('0.0000001500');
    expect(cost('0.00000000005')).to.equal('0.0000000001');
    for (const wrong of ['-1', 'NaN', 'Infinity', '', ' ', '0x10', '1e99', 'free']) {
      expect(cost(wrong), wrong).to.equal('1.0000000000');
    }
  });

  it('is exact for any tokens, cached or not, at any price with ten decimals', () => {
    const count = fc.nat(2_000_000_000);
    const amount = fc.bigInt({ min: 0n, max: 10n ** 16n });
    const decimal = (units: bigint) =>
      `${units / 10n ** 10n}.${String(units % 10n ** 10n).padStart(10, '0')}`;
    fc.assert(
      fc.property(count, count, count, amount, amount, amount, (plain, cached, output, a, b, c) => {
        const price = {
          ...free,
          usdPerMillionInput: decimal(a),
          usdPerMillionCachedInput: decimal(b),
          usdPerMillionOutput: decimal(c),
        };
        // In units of 10^-16 dollars; half up to 10^-10.
        const exact = BigInt(plain) * a + BigInt(cached) * b + BigInt(output) * c;
        const used = { inputTokens: plain + cached, cachedInputTokens: cached, outputTokens: output };
        expect(priceGeneration(used, price).costUsd).to.equal(decimal((exact + 500_000n) / 1_000_000n));
      }),
    );
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
