import { expect } from 'chai';
import { fittingModels } from '../../src/services/fitting-models.ts';
import { testModel } from '../support/models.ts';

const model = (id: string, contextLength: number | null) => ({ ...testModel(id), contextLength });
const prompt = (words: number) => ({ turns: [{ role: 'user' as const, content: 'word '.repeat(words) }] });

describe('fittingModels', () => {
  const [asked, small, large, unknown] = [
    model('a/asked', 100),
    model('b/small', 1_000),
    model('c/large', 100_000),
    model('d/unknown', null),
  ];
  const idsFor = async (words: number) =>
    (await fittingModels([asked, small, large, unknown], prompt(words))).map(({ id }) => id);

  it('are all while the prompt is short', async () => {
    expect(await idsFor(10)).to.deep.equal(['a/asked', 'b/small', 'c/large', 'd/unknown']);
    // More bytes than the smallest window has tokens, but not more tokens.
    expect(await idsFor(900)).to.deep.equal(['a/asked', 'b/small', 'c/large', 'd/unknown']);
  });

  it('leave out fallbacks whose window is too small, never the model that was asked', async () => {
    expect(await idsFor(5_000)).to.deep.equal(['a/asked', 'c/large', 'd/unknown']);
  });

  it('are none where nothing is served', async () => {
    expect(await fittingModels([], prompt(1))).to.deep.equal([]);
  });
});
