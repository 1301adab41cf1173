import { expect } from 'chai';
import type { ProviderUsage } from '../../src/providers/provider.ts';
import { adapterOf, ask, collect, useWireServer } from '../support/provider-subjects.ts';
import type { Wire } from '../support/provider-wires.ts';

/**
 * The figures of a usage are those of the place beside it, as a stored copy of that place has them; the place itself may
 * have changed since. Most places print the usage of a whole response: how it falls on the events of a stream is ours,
 * and so is what an event counts before the end, which the end replaces. Of no provider's page are the figures of the
 * compatible servers: they are those of an issue, of which no stored copy was found. A test that names no place has
 * figures of our own, and so have the costs that follow OpenRouter's.
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
    // https://platform.openai.com/docs/guides/reasoning?api-mode=chat#managing-the-context-window
    const usage = await usageOf(
      'openai',
      completion(
        '{"prompt_tokens":26,"completion_tokens":637,"total_tokens":663,' +
          '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":448,' +
          '"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}',
      ),
    );
    expect(usage).to.deep.equal({
      inputTokens: 26,
      cachedInputTokens: 0,
      outputTokens: 637,
      reasoningTokens: 448,
    });
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
    // https://huggingface.co/docs/huggingface_hub/guides/inference#getting-started, which is
    // https://github.com/huggingface/huggingface_hub/blob/main/docs/source/en/guides/inference.md.
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

  it('anthropic: what was written to the cache, or read from it, is not in input_tokens', async () => {
    // https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching: the first call, and the same once more.
    const cached = (counts: string) =>
      usageOf('anthropic', [
        `{"type":"message_start","message":{"usage":{"input_tokens":21,${counts},"output_tokens":1}}}`,
        '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":393}}',
        '{"type":"message_stop"}',
      ]);
    expect(await cached('"cache_creation_input_tokens":188086,"cache_read_input_tokens":0')).to.deep.equal({
      inputTokens: 188_107,
      cachedInputTokens: 0,
      outputTokens: 393,
    });
    expect(await cached('"cache_creation_input_tokens":0,"cache_read_input_tokens":188086')).to.deep.equal({
      inputTokens: 188_107,
      cachedInputTokens: 188_086,
      outputTokens: 393,
    });
  });

  it('anthropic: thinking is part of the output', async () => {
    // https://platform.claude.com/docs/en/build-with-claude/thinking-steering-and-cost#pricing
    const usage = await usageOf('anthropic', [
      '{"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}',
      '{"type":"message_delta","delta":{"stop_reason":"end_turn"},' +
        '"usage":{"output_tokens":348,"output_tokens_details":{"thinking_tokens":312}}}',
      '{"type":"message_stop"}',
    ]);
    expect(usage).to.deep.equal({ inputTokens: 25, outputTokens: 348, reasoningTokens: 312 });
  });

  it('gemini: what is cached is part of the prompt', async () => {
    // https://github.com/google-gemini/cookbook/blob/main/quickstarts/rest/Caching_REST.ipynb
    const usage = await usageOf('gemini', [
      '{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"usageMetadata":{"promptTokenCount":323388,"totalTokenCount":323388}}',
      '{"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":323388,' +
        '"candidatesTokenCount":397,"totalTokenCount":323785,"cachedContentTokenCount":323383}}',
    ]);
    expect(usage).to.deep.equal({ inputTokens: 323_388, cachedInputTokens: 323_383, outputTokens: 397 });
  });

  it('gemini: thoughts are output beside the candidates', async () => {
    // https://github.com/google-gemini/cookbook/blob/main/quickstarts/Get_started_thinking_REST.ipynb, its first example.
    const told = {
      promptTokenCount: 58,
      candidatesTokenCount: 820,
      thoughtsTokenCount: 1477,
      totalTokenCount: 2355,
    };
    const usage = await usageOf('gemini', [
      JSON.stringify({
        candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }],
        usageMetadata: told,
      }),
    ]);
    expect(usage).to.deep.equal({ inputTokens: 58, outputTokens: 2297, reasoningTokens: 1477 });
    expect(told.totalTokenCount).to.equal((usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0));
  });

  it('any: what is no count is not believed', async () => {
    expect(await usageOf('openai', completion('{}'))).to.equal(undefined);
    for (const wrong of [
      '',
      ',"completion_tokens":"7"',
      ',"completion_tokens":1.5',
      ',"completion_tokens":1e12',
    ]) {
      const told = completion(
        `{"prompt_tokens":5${wrong},"completion_tokens_details":{"reasoning_tokens":3}}`,
      );
      expect(await usageOf('openai', told), wrong).to.deep.equal({ inputTokens: 5 });
    }
    for (const wrong of ['', '"prompt_tokens":{},', '"prompt_tokens":3000000000,']) {
      const told = completion(`{${wrong}"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":3}}`);
      expect(await usageOf('openai', told), wrong).to.deep.equal({ outputTokens: 6 });
    }
    const more =
      '{"prompt_tokens":5,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":9},"completion_tokens_details":{"reasoning_tokens":-1}}';
    expect(await usageOf('openai', completion(more))).to.deep.equal({
      inputTokens: 5,
      cachedInputTokens: 5,
      outputTokens: 6,
    });
  });

  it('openai and others: what is told once is not lost to a later usage that tells less', async () => {
    const told = '{"prompt_tokens":9,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":8}}';
    for (const [later, expected] of [
      ['{}', { inputTokens: 9, cachedInputTokens: 8, outputTokens: 6 }],
      [
        '{"prompt_tokens":0,"completion_tokens":0}',
        { inputTokens: 9, cachedInputTokens: 8, outputTokens: 6 },
      ],
      [
        '{"prompt_tokens":-1,"completion_tokens":7}',
        { inputTokens: 9, cachedInputTokens: 8, outputTokens: 7 },
      ],
      ['{"prompt_tokens":5}', { inputTokens: 5, cachedInputTokens: 5, outputTokens: 6 }],
    ] as const) {
      const usage = await usageOf('openai', [
        `{"choices":[{"index":0,"delta":{"content":"Hi"}}],"usage":${told}}`,
        `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":${later}}`,
        '[DONE]',
      ]);
      expect(usage, later).to.deep.equal(expected);
    }
  });

  const gemini = (first: object, last: object) =>
    usageOf('gemini', [
      JSON.stringify({ candidates: [{ content: { parts: [{ text: 'Hi' }] } }], usageMetadata: first }),
      JSON.stringify({ candidates: [{ content: {}, finishReason: 'STOP' }], usageMetadata: last }),
    ]);

  it('gemini: what the last event does not count stands in one before it', async () => {
    expect(
      await gemini({ promptTokenCount: 7, candidatesTokenCount: 3 }, { promptTokenCount: 8 }),
    ).to.deep.equal({ inputTokens: 8, outputTokens: 3 });
    expect(
      await gemini({ promptTokenCount: 7, candidatesTokenCount: 3 }, { candidatesTokenCount: -1 }),
    ).to.deep.equal({ inputTokens: 7, outputTokens: 3 });
  });

  it('gemini: an output that is not counted is no zero', async () => {
    expect(await gemini({}, { promptTokenCount: 7 })).to.deep.equal({ inputTokens: 7 });
    expect(await gemini({}, { promptTokenCount: 7, candidatesTokenCount: 'x' })).to.deep.equal({
      inputTokens: 7,
    });
    expect(await gemini({}, {})).to.equal(undefined);
  });

  const anthropic = (first: object, last: object | null) =>
    usageOf('anthropic', [
      JSON.stringify({ type: 'message_start', message: { usage: first } }),
      JSON.stringify({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: last }),
      '{"type":"message_stop"}',
    ]);

  it('anthropic: the output of the first event holds a place, and is no count', async () => {
    for (const last of [{}, { output_tokens: null }, { output_tokens: 3e9 }, null]) {
      expect(await anthropic({ input_tokens: 25, output_tokens: 1 }, last)).to.deep.equal({
        inputTokens: 25,
      });
    }
  });

  it('anthropic: an input that is not counted is no zero, and one that is counted is not lost to it', async () => {
    expect(await anthropic({}, { output_tokens: 9 })).to.deep.equal({ outputTokens: 9 });
    expect(await anthropic({ input_tokens: 3e9 }, { output_tokens: 9 })).to.deep.equal({ outputTokens: 9 });
    expect(await anthropic({ input_tokens: 25 }, { input_tokens: 0, output_tokens: 9 })).to.deep.equal({
      inputTokens: 25,
      outputTokens: 9,
    });
  });
});
