import { expect } from 'chai';
import type { ProviderUsage } from '../../src/providers/provider.ts';
import { adapterOf, ask, collect, useWireServer } from '../support/provider-subjects.ts';
import type { Wire } from '../support/provider-wires.ts';

/**
 * The numbers are those of the pages that stand beside them; checked against stored copies of these pages are OpenAI's of
 * the cache and Anthropic's of its stream. Of our own, by the rule of the page, are Gemini's thoughts and the thinking
 * tokens of Anthropic's cached prompt.
 */
describe('the usage that a provider tells', () => {
  const server = useWireServer();

  const usageOf = async (name: Wire['name'], events: string[]): Promise<ProviderUsage | undefined> => {
    server.current.answer({ steps: events.map((data) => `data: ${data}\n\n`) });
    const all = await collect(adapterOf({ name }, server.current.url), ask('Hello'));
    expect(all.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
    const usages = all.flatMap((event) => (event.type === 'usage' ? event.usage : []));
    expect(usages).to.have.length.at.most(1);
    return usages[0];
  };
  const completion = (usage: string) => [
    '{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}',
    `{"choices":[],"usage":${usage}}`,
    '[DONE]',
  ];

  it('openai: tokens from the cache are part of the prompt', async () => {
    // https://platform.openai.com/docs/guides/prompt-caching#requirements
    const usage = await usageOf(
      'openai',
      completion(
        `{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,
        "prompt_tokens_details":{"cached_tokens":1920},
        "completion_tokens_details":{"reasoning_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`.replaceAll(
          /\s/g,
          '',
        ),
      ),
    );
    expect(usage).to.deep.equal({
      inputTokens: 2006,
      cachedInputTokens: 1920,
      outputTokens: 300,
      reasoningTokens: 0,
    });
  });

  it('openai: reasoning is part of the output', async () => {
    // https://platform.openai.com/docs/guides/reasoning#managing-the-context-window
    const usage = await usageOf(
      'openai',
      completion(
        '{"total_tokens":1000,"prompt_tokens":400,"completion_tokens":600,"completion_tokens_details":{"reasoning_tokens":500}}',
      ),
    );
    expect(usage).to.deep.equal({ inputTokens: 400, outputTokens: 600, reasoningTokens: 500 });
  });

  it('compatible servers: reasoning that was counted apart is added', async () => {
    // The figures of https://github.com/openai/openai-python/issues/2544.
    const usage = await usageOf(
      'openai',
      completion(
        '{"prompt_tokens":2181,"completion_tokens":57,"total_tokens":2518,"completion_tokens_details":{"reasoning_tokens":280}}',
      ),
    );
    expect(usage).to.deep.equal({ inputTokens: 2181, outputTokens: 337, reasoningTokens: 280 });
  });

  it('openrouter: the cost, as it was written', async () => {
    // https://openrouter.ai/docs/use-cases/usage-accounting#response-format
    const told = await usageOf(
      'openrouter',
      completion(
        '{"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":0},"cost":0.95,"cost_details":{"upstream_inference_cost":19},' +
          '"prompt_tokens":194,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":100,"audio_tokens":0},"total_tokens":196}',
      ),
    );
    expect(told).to.deep.equal({
      inputTokens: 194,
      cachedInputTokens: 0,
      outputTokens: 2,
      reasoningTokens: 0,
      costUsd: '0.95',
    });

    const costs = async (fields: string) =>
      (await usageOf('openrouter', completion(`{"prompt_tokens":1,"completion_tokens":1,${fields}}`)))
        ?.costUsd;
    expect(await costs('"cost":0.000000000000000000123')).to.equal('0.000000000000000000123');
    expect(await costs('"cost":0.12345678901234567890123')).to.equal('0.12345678901234567890123');
    expect(await costs('"cost":1.4e-06')).to.equal('0.0000014');
    expect(await costs('"cost":0')).to.equal('0');
    expect(await costs('"cost":null')).to.equal(undefined);
    expect(await costs('"cost":-1')).to.equal(undefined);
  });

  it('openrouter: with a key of one’s own, the fee and what the upstream takes', async () => {
    const usage = await usageOf(
      'openrouter',
      completion(
        '{"prompt_tokens":194,"completion_tokens":2,"cost":0.95,"is_byok":true,"cost_details":{"upstream_inference_cost":19.1}}',
      ),
    );
    expect(usage?.costUsd).to.equal('20.05');
  });

  it('openai and others: a cost is not taken for dollars', async () => {
    const usage = await usageOf('openai', completion('{"prompt_tokens":1,"completion_tokens":1,"cost":5}'));
    expect(usage).to.deep.equal({ inputTokens: 1, outputTokens: 1 });
  });

  it('huggingface: tokens', async () => {
    // https://huggingface.co/docs/huggingface_hub/package_reference/inference_client#chat_completion
    const usage = await usageOf(
      'huggingface',
      completion('{"completion_tokens":8,"prompt_tokens":17,"total_tokens":25}'),
    );
    expect(usage).to.deep.equal({ inputTokens: 17, outputTokens: 8 });
  });

  it('anthropic: the counts of message_delta are sums, and those of the input may grow', async () => {
    // https://platform.claude.com/docs/en/build-with-claude/streaming#streaming-request-with-web-search-tool-use
    const usage = await usageOf('anthropic', [
      '{"type":"message_start","message":{"usage":{"input_tokens":2679,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3}}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}',
      '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":10682,' +
        '"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":510,"server_tool_use":{"web_search_requests":1}}}',
      '{"type":"message_stop"}',
    ]);
    expect(usage).to.deep.equal({ inputTokens: 10_682, cachedInputTokens: 0, outputTokens: 510 });
  });

  it('anthropic: what was read from the cache is not in input_tokens', async () => {
    // https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance
    const usage = await usageOf('anthropic', [
      '{"type":"message_start","message":{"usage":{"input_tokens":50,"cache_creation_input_tokens":0,"cache_read_input_tokens":100000,"output_tokens":1}}}',
      '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15,"output_tokens_details":{"thinking_tokens":9}}}',
      '{"type":"message_stop"}',
    ]);
    expect(usage).to.deep.equal({
      inputTokens: 100_050,
      cachedInputTokens: 100_000,
      outputTokens: 15,
      reasoningTokens: 9,
    });
  });

  it('gemini: what is cached is part of the prompt', async () => {
    // https://ai.google.dev/gemini-api/docs/caching
    const usage = await usageOf('gemini', [
      '{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"usageMetadata":{"promptTokenCount":696219,"totalTokenCount":696219}}',
      '{"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":696219,' +
        '"cachedContentTokenCount":696190,"candidatesTokenCount":214,"totalTokenCount":696433}}',
    ]);
    expect(usage).to.deep.equal({ inputTokens: 696_219, cachedInputTokens: 696_190, outputTokens: 214 });
  });

  it('gemini: thoughts are output beside the candidates', async () => {
    // The rule is that of https://ai.google.dev/gemini-api/docs/thinking#pricing; the total is the sum of all three.
    const told = {
      promptTokenCount: 12,
      candidatesTokenCount: 15,
      thoughtsTokenCount: 194,
      totalTokenCount: 221,
    };
    const usage = await usageOf('gemini', [
      JSON.stringify({
        candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }],
        usageMetadata: told,
      }),
    ]);
    expect(usage).to.deep.equal({ inputTokens: 12, outputTokens: 209, reasoningTokens: 194 });
    expect(told.totalTokenCount).to.equal((usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0));
  });

  it('any: what is no count is not believed', async () => {
    expect(await usageOf('openai', completion('{}'))).to.equal(undefined);
    expect(await usageOf('openai', completion('{"prompt_tokens":5}'))).to.equal(undefined);
    expect(await usageOf('openai', completion('{"prompt_tokens":5,"completion_tokens":"7"}'))).to.equal(
      undefined,
    );
    expect(await usageOf('openai', completion('{"prompt_tokens":5,"completion_tokens":1.5}'))).to.equal(
      undefined,
    );
    expect(await usageOf('openai', completion('{"prompt_tokens":5,"completion_tokens":1e12}'))).to.equal(
      undefined,
    );
    const more =
      '{"prompt_tokens":5,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":9},"completion_tokens_details":{"reasoning_tokens":-1}}';
    expect(await usageOf('openai', completion(more))).to.deep.equal({
      inputTokens: 5,
      cachedInputTokens: 5,
      outputTokens: 6,
    });
  });
});
