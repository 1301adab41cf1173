import { expect } from 'chai';
import type { ProviderUsage } from '../../src/providers/provider.ts';
import { countTokens } from '../../src/services/count-tokens.ts';
import { describeEnd, type StreamEnd } from '../../src/services/describe-end.ts';

describe('the end of a stream', () => {
  const prompt = { turns: [{ role: 'user' as const, content: 'Why is the sky blue? '.repeat(4_000) }] };
  const written = { text: 'Because it scatters.', reasoning: null };
  let asked: number;
  let answered: number;

  before(async () => {
    asked = await countTokens(prompt.turns[0]?.content ?? '');
    answered = await countTokens(written.text);
  });

  const usageOf = async (
    usage: ProviderUsage,
    { text, reasoning, ...end }: StreamEnd & { text?: string; reasoning?: string } = {},
  ) => {
    const said = { text: text ?? written.text, reasoning: reasoning ?? null };
    return (await describeEnd({ finishReason: 'stop', usage, ...end }, prompt, said)).usage;
  };

  it('is paid by the counts of the provider', async () => {
    const told = { inputTokens: 7, cachedInputTokens: 2, outputTokens: 3, reasoningTokens: 1, costUsd: '2' };
    expect(await usageOf(told)).to.deep.equal({ ...told, estimated: false });
  });

  it('is paid by our count of the prompt where the provider has none, or says that there was none', async () => {
    const told: ProviderUsage[] = [
      { outputTokens: 1 },
      { inputTokens: 0, cachedInputTokens: 0, outputTokens: 1 },
    ];
    for (const usage of told) {
      expect(await usageOf({ ...usage, costUsd: '2' })).to.deep.include({
        inputTokens: asked,
        outputTokens: 1,
        costUsd: '2',
        estimated: true,
      });
    }
  });

  it('is paid by our count of the answer where the provider has none, or says that there was none', async () => {
    const told: ProviderUsage[] = [
      { inputTokens: 7 },
      { inputTokens: 7, outputTokens: 0, reasoningTokens: 0 },
    ];
    for (const usage of told) {
      expect(await usageOf(usage)).to.deep.include({
        inputTokens: 7,
        outputTokens: answered,
        reasoningTokens: 0,
        estimated: true,
      });
      const thought = await usageOf(usage, { text: '', reasoning: written.text });
      expect(thought).to.deep.include({ outputTokens: answered, reasoningTokens: answered });
      const toolCalls = [{ id: '1', name: 'look_up', arguments: '{}' }];
      const called = await usageOf(usage, { text: '', toolCalls });
      expect(called?.outputTokens).to.equal(await countTokens(JSON.stringify(toolCalls)));
    }
  });

  it('is paid by our counts where the provider says zero and zero', async () => {
    expect(await usageOf({ inputTokens: 0, outputTokens: 0 })).to.deep.include({
      inputTokens: asked,
      outputTokens: answered,
      estimated: true,
    });
  });

  it('believes that nothing was written where nothing was', async () => {
    const usage = { inputTokens: 7, outputTokens: 0 };
    expect(await usageOf(usage, { text: '' })).to.deep.include({ ...usage, estimated: false });
  });

  describe('with a count that cannot be true', () => {
    const absurd = 2 ** 31 - 1;
    const unknown = { contextLength: null, maxOutputTokens: null };

    it('is paid by our counts, and not at the cost that comes with it', async () => {
      const told = {
        inputTokens: absurd,
        cachedInputTokens: 9,
        outputTokens: absurd,
        reasoningTokens: 9,
        costUsd: '9',
      };
      for (const window of [undefined, unknown, { contextLength: absurd, maxOutputTokens: null }]) {
        expect(await usageOf(told, { window })).to.deep.equal({
          inputTokens: asked,
          outputTokens: answered,
          reasoningTokens: 0,
          estimated: true,
        });
      }
    });

    it('is paid by our count of a prompt that is larger than the window of the model', async () => {
      const told = { inputTokens: 32_001, outputTokens: 3 };
      const window = { contextLength: 32_000, maxOutputTokens: null };
      expect(await usageOf(told, { window })).to.deep.include({ inputTokens: asked, outputTokens: 3 });
      expect(await usageOf({ ...told, inputTokens: 32_000 }, { window })).to.deep.include({
        inputTokens: 32_000,
        estimated: false,
      });
    });

    it('is paid by our count of an answer that is far larger than the model writes, and than what is there', async () => {
      const told = { inputTokens: 7, outputTokens: 8_001 };
      const window = { contextLength: 32_000, maxOutputTokens: 4_000 };
      expect(await usageOf(told, { window })).to.deep.include({ inputTokens: 7, outputTokens: answered });
      const long = await usageOf(told, { window, text: 'x'.repeat(8_001) });
      expect(long, 'what is known of the model may be old').to.deep.include({ ...told, estimated: false });
      const small = { contextLength: 4_000, maxOutputTokens: null };
      expect(await usageOf(told, { window: small })).to.deep.include({ outputTokens: answered });
    });

    it('is believed where the model may have thought so much unseen', async () => {
      const told = { inputTokens: 7, outputTokens: 8_000, reasoningTokens: 7_990 };
      const window = { contextLength: 32_000, maxOutputTokens: 4_000 };
      expect(await usageOf(told, { window })).to.deep.include({ ...told, estimated: false });
      const much = { inputTokens: 100_000, outputTokens: 100_000 };
      expect(await usageOf(much, { window: unknown })).to.deep.include({ ...much, estimated: false });
    });
  });
});
