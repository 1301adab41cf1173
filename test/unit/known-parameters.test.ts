import { expect } from 'chai';
import { knownParameters } from '../../src/providers/known-parameters.ts';

const ALL = ['temperature', 'topP', 'maxTokens'];

describe('the settings that models are known to take', () => {
  const takeAll = [
    ['openai', 'gpt-4'],
    ['openai', 'gpt-4.1-mini'],
    ['openai', 'gpt-35-turbo'],
    ['openai', 'gpt-4o-2024-08-06'],
    ['openai', 'gpt-5-chat-latest'],
    ['openai', 'ft:gpt-4.1:acme::1'],
    ['openai', 'gpt-oss:20b'],
    ['openai', 'olmo2:7b'],
    ['anthropic', 'claude-3-5-haiku-latest'],
    ['anthropic', 'claude-sonnet-4-20250514'],
    ['anthropic', 'claude-opus-4-1-20250805'],
    ['anthropic', 'claude-haiku-4-5'],
    ['anthropic', 'claude-opus-4-6'],
    ['gemini', 'gemini-2.5-flash'],
    ['openrouter', 'openai/o3'],
    ['huggingface', 'meta-llama/Llama-3.3-70B-Instruct'],
  ] as const;
  for (const [provider, name] of takeAll) {
    it(`${provider}/${name} takes all`, () => expect(knownParameters(provider, name)).to.deep.equal(ALL));
  }

  const takeTheLimit = [
    ['openai', 'o1'],
    ['openai', 'o3-mini'],
    ['openai', 'ft:o4-mini-2025-04-16:acme::1'],
    ['openai', 'gpt-5'],
    ['openai', 'gpt-5-mini-2025-08-07'],
    ['openai', 'gpt-5.4-nano'],
    ['openai', 'gpt-5.2-chat-latest'],
    ['openai', 'gpt-10'],
    ['openai', 'gpt-4o-search-preview'],
    ['anthropic', 'claude-opus-4-7'],
    ['anthropic', 'claude-opus-4-7-20260401'],
    ['anthropic', 'claude-sonnet-5'],
    ['anthropic', 'something-new'],
    ['echo', 'echo'],
  ] as const;
  for (const [provider, name] of takeTheLimit) {
    it(`${provider}/${name} takes no sampling`, () =>
      expect(knownParameters(provider, name)).to.deep.equal(['maxTokens']));
  }

  it('gives each caller a list of its own', () => {
    knownParameters('gemini', 'x').pop();
    expect(knownParameters('gemini', 'x')).to.deep.equal(ALL);
  });
});
