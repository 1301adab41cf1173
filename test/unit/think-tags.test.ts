import { expect } from 'chai';
import fc from 'fast-check';
import type { ProviderEvent } from '../../src/providers/provider.ts';
import { ThinkTags } from '../../src/providers/think-tags.ts';

describe('thoughts that stand in the content', () => {
  const split = (pieces: string[]) => {
    const events: ProviderEvent[] = [];
    const tags = new ThinkTags();
    const out = { push: (event: ProviderEvent) => void events.push(event) };
    for (const piece of pieces) tags.push(piece, out);
    tags.end(out);
    const all = (type: 'text' | 'reasoning') =>
      events.map((event) => (event.type === type ? event.text : '')).join('');
    expect(events.filter((event) => 'text' in event && event.text === '')).to.deep.equal([]);
    return { reasoning: all('reasoning'), text: all('text') };
  };

  for (const [content, reasoning, text] of [
    ['<think>\nhm\n</think>\n\nHello', '\nhm\n', 'Hello'],
    [' \n<think>hm</think>Hello ', 'hm', 'Hello '],
    ['<think></think>\n\nHello', '', 'Hello'],
    ['<think>a < b </thin </think>ok <think>not</think>', 'a < b </thin ', 'ok <think>not</think>'],
    ['<think>cut off </thi', 'cut off </thi', ''],
    ['<think>only thoughts</think>\n', 'only thoughts', ''],
    ['<thin', '', '<thin'],
    ['<thinking>x</thinking>', '', '<thinking>x</thinking>'],
    ['The tag <think> is </think> text', '', 'The tag <think> is </think> text'],
    ['  two blanks', '', '  two blanks'],
    [' \n ', '', ' \n '],
    ['', '', ''],
  ] as const) {
    it(`${JSON.stringify(content)}, however it is cut`, () => {
      expect(split([content])).to.deep.equal({ reasoning, text });
      expect(split([...content])).to.deep.equal({ reasoning, text });
      fc.assert(
        fc.property(fc.array(fc.nat(content.length), { maxLength: 8 }), (cuts) => {
          const places = [0, ...cuts.toSorted((a, b) => a - b), content.length];
          const pieces = places.slice(1).map((end, n) => content.slice(places[n], end));
          expect(split(pieces.filter((piece) => piece !== ''))).to.deep.equal({ reasoning, text });
        }),
      );
    });
  }

  it('without the tag nothing is changed', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 })), (pieces) => {
        fc.pre(!pieces.join('').trimStart().startsWith('<think>'));
        expect(split(pieces)).to.deep.equal({ reasoning: '', text: pieces.join('') });
      }),
    );
  });
});
