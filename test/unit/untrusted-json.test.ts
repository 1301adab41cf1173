import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { checkUntrusted, findHarm, findTooMany } from '../../src/base/untrusted-json.ts';

const MOST = 50_000;
const REFUSED = { path: 'body', message: `must have at most ${MOST} values` };

/** Of `count` values, in every way that there is. */
const ofMany = (count: number): [what: string, value: unknown][] => {
  const zeros = (length: number) => Array.from({ length }, () => 0);
  return [
    ['a list', zeros(count)],
    ['an object', Object.fromEntries(zeros(count).map((_, n) => [`"a,[{\\`.repeat(2) + n, ',[{"\\']))],
    ['lists in a list', [zeros(count / 2 - 1), zeros(count - count / 2 - 1)]],
    ['empty objects', Array.from({ length: count / 2 }, () => ({}))],
    ['objects in objects', { a: { b: zeros(count - 3), c: 'a, b' } }],
  ];
};

describe('a value from outside', () => {
  for (const [what, value] of ofMany(MOST)) {
    it(`may have as many values as there are in any request: ${what}`, () => {
      expect(findTooMany(JSON.stringify(value), 'body')).to.equal(undefined);
      expect(findHarm(value, 'body')).to.equal(undefined);
    });

    it(`is refused with one more, as a text and as a value: ${what}`, () => {
      const more = Array.isArray(value) ? [...value, 1] : { ...(value as object), more: 1 };
      expect(findTooMany(JSON.stringify(more, null, 2), 'body')).to.deep.equal(REFUSED);
      expect(findHarm(more, 'body')).to.deep.equal(REFUSED);
    });
  }

  it('is refused alike as a text and as a value, whatever stands in it', () => {
    const near = fc.integer({ min: -6, max: 6 });
    const harmless = fc
      .jsonValue({ maxDepth: 3 })
      .filter((value) => !JSON.stringify(value).includes('__proto__'));
    const check = (value: unknown, more: number) => {
      const padded = [value, Array.from({ length: MOST - 5 + more }, () => 0)];
      const text = findTooMany(JSON.stringify(padded), 'body');
      expect(findHarm(JSON.parse(JSON.stringify(padded)), 'body')).to.deep.equal(text);
    };
    fc.assert(fc.property(harmless, near, check), {
      numRuns: 30,
    });
  });

  it('is not given to the contract, where every item would be looked at', () => {
    let looked = 0;
    const contract = z.array(z.unknown().refine(() => ++looked > 0));
    const items = Array.from({ length: MOST + 1 }, () => 0);
    expect(checkUntrusted(contract, items, 'payload')).to.deep.equal({
      ok: false,
      errors: [{ ...REFUSED, path: 'payload' }],
    });
    expect(looked).to.equal(0);
  });
});
