import { expect } from 'chai';
import fc from 'fast-check';
import { excerpt, slices, splitsPair } from '../../src/base/text.ts';

/** Text with many surrogate pairs, lone halves among them. */
const text = fc.string({
  unit: fc.constantFrom('a', ' ', 'é', '😀', '\ud83d', '\ude00', '\n'),
  maxLength: 200,
});

/** Whether a cut between two texts goes through a surrogate pair. */
const cutsPair = (left: string, right: string): boolean =>
  /[\ud800-\udbff]$/.test(left) && /^[\udc00-\udfff]/.test(right);

describe('slices', () => {
  it('are the text, each of them short enough, none empty, never inside a surrogate pair', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 20 }), (whole, max) => {
        const parts = [...slices(whole, max)];
        expect(parts.join('')).to.equal(whole);
        parts.forEach((part, index) => {
          expect(part.length).to.be.within(1, max);
          expect(cutsPair(part, parts[index + 1] ?? ''), JSON.stringify(parts)).to.equal(false);
        });
      }),
    );
  });

  it('come to an end where a slice has no room for a pair: then it goes over', () => {
    expect([...slices('a😀b', 1)]).to.deep.equal(['a', '😀', 'b']);
  });
});

describe('splitsPair', () => {
  it('is true exactly between the two halves of a pair', () => {
    fc.assert(
      fc.property(text, fc.nat(210), (whole, offset) => {
        expect(splitsPair(whole, offset)).to.equal(
          offset < whole.length && cutsPair(whole.slice(0, offset), whole.slice(offset)),
        );
      }),
    );
  });
});

describe('excerpt', () => {
  it('leaves a short text as it is, on one line', () => {
    expect(excerpt('  two\n\nlines\t ', 60)).to.equal('two lines');
    expect(excerpt('', 60)).to.equal('');
  });

  it('cuts between words where there is a space, and anywhere else where there is none', () => {
    expect(excerpt('a few words too many', 14)).to.equal('a few words…');
    expect(excerpt('x'.repeat(100), 10)).to.equal(`${'x'.repeat(9)}…`);
    expect(excerpt(`a ${'x'.repeat(100)}`, 10)).to.equal(`a ${'x'.repeat(7)}…`);
    expect(excerpt('12345😀'.repeat(9), 7)).to.equal('12345…');
  });

  it('is never longer than it may be, nor half a surrogate pair', () => {
    const wellFormed = text.map((raw) => raw.toWellFormed());
    fc.assert(
      fc.property(wellFormed, fc.integer({ min: 3, max: 60 }), (whole, max) => {
        const cut = excerpt(whole, max);
        expect(cut.length).to.be.at.most(max);
        expect(cut.isWellFormed()).to.equal(true);
      }),
    );
  });
});
