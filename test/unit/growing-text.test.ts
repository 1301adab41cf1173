import { expect } from 'chai';
import fc from 'fast-check';
import { GrowingText } from '../../src/feed/growing-text.ts';

describe('GrowingText', () => {
  it('is what was added, at every moment', () => {
    const piece = fc.string({ unit: 'grapheme', maxLength: 2_000 }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = new GrowingText();
        let added = '';
        for (const each of pieces) {
          text.add(each);
          added += each;
          expect(text.read()).to.equal(added);
          expect(text.length).to.equal(added.length);
        }
      }),
    );
  });
});
