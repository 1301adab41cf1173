import { expect } from 'chai';
import fc from 'fast-check';
import { TextCleaner } from '../../src/providers/clean-text.ts';

function cleanAll(chunks: string[]): string[] {
  const cleaner = new TextCleaner();
  return [...chunks.map((chunk) => cleaner.clean(chunk)), cleaner.flush()];
}

/** Strings rich in what is to be cleaned: any UTF-16 code units, NUL, halves of pairs. */
const dirtyText = fc
  .array(
    fc.oneof(
      fc.constantFrom('\0', '\uD83D', '\uDE00', '😀', 'é', '\uFFFD', 'word '),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    ),
  )
  .map((parts) => parts.join(''));

describe('TextCleaner', () => {
  it('passes good text on as it is', () => {
    expect(cleanAll(['Hello ', '日本 😀', ''])).to.deep.equal(['Hello ', '日本 😀', '', '']);
  });

  it('replaces NUL and lone surrogates', () => {
    expect(cleanAll(['a\0b', '\uDE00c', 'd\uD83De'])).to.deep.equal(['a\uFFFDb', '\uFFFDc', 'd\uFFFDe', '']);
  });

  it('holds half a pair back until the other half comes', () => {
    expect(cleanAll(['a\uD83D', '\uDE00b'])).to.deep.equal(['a', '😀b', '']);
    expect(cleanAll(['\uD83D', '', '\uDE00'])).to.deep.equal(['', '', '😀', '']);
  });

  it('gives U+FFFD for half a pair whose other half never comes', () => {
    expect(cleanAll(['a\uD83D', 'b'])).to.deep.equal(['a', '\uFFFDb', '']);
    expect(cleanAll(['a\uD83D'])).to.deep.equal(['a', '\uFFFD']);
  });

  it('gives the same text however it is cut, and only clean chunks', () => {
    fc.assert(
      fc.property(dirtyText, fc.array(fc.nat()), (text, cuts) => {
        const edges = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
        const out = cleanAll(edges.slice(1).map((edge, n) => text.slice(edges[n], edge)));
        expect(out.join('')).to.equal(text.toWellFormed().replaceAll('\0', '\uFFFD'));
        for (const chunk of out) expect(chunk.isWellFormed() && !chunk.includes('\0')).to.equal(true);
      }),
      { numRuns: 1000 },
    );
  });
});
