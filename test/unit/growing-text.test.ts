import { expect } from 'chai';
import fc from 'fast-check';
import { GrowingText } from '../../src/feed/growing-text.ts';

describe('GrowingText', () => {
  it('is what was added, and knows every beginning of it', () => {
    const piece = fc.string({ unit: 'grapheme', maxLength: 2_000 }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = new GrowingText();
        let added = '';
        const beginnings: [number, string][] = [];
        for (const each of pieces) {
          text.add(each);
          added += each;
          beginnings.push([text.byteLength, added]);
        }
        expect(text.read()).to.equal(added);
        expect(text.length).to.equal(added.length);
        for (const [bytes, beginning] of beginnings) expect(text.read(bytes)).to.equal(beginning);
      }),
    );
  });
});
