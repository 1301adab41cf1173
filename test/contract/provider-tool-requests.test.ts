import { expect } from 'chai';
import type { ChatTurn, PromptOptions, ToolChoice, ToolDefinition } from '../../src/contracts/prompt.ts';
import { openAiFieldsOf } from '../../src/providers/openai.ts';
import { toOpenAiBody } from '../../src/providers/openai-request.ts';
import type { ProviderRequest } from '../../src/providers/provider.ts';
import { adapterOf, collect, errorOf, useWireServer } from '../support/provider-subjects.ts';
import type { Wire } from '../support/provider-wires.ts';

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const TOOLS: ToolDefinition[] = [
  { name: 'get_weather', description: 'The weather of a city.', parameters: SCHEMA, strict: true },
  { name: 'get_time' },
];
const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';

/** Asked about a picture, the model calls two functions; both are answered, and the user says something more. */
const TURNS: ChatTurn[] = [
  { role: 'system', content: 'Be brief.' },
  {
    role: 'user',
    content: 'Where is this?',
    parts: [
      { type: 'text', text: 'Where is this?' },
      { type: 'image', url: PIXEL, detail: 'low' },
    ],
  },
  {
    role: 'assistant',
    content: 'Let me look.',
    toolCalls: [
      { id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris"}' },
      { id: 'call_2', name: 'get_time', arguments: 'not JSON' },
    ],
  },
  { role: 'tool', toolCallId: 'call_1', content: '{"degrees":21}' },
  { role: 'tool', toolCallId: 'call_2', content: 'noon' },
  { role: 'user', content: 'And tomorrow?' },
];
/** A picture that stands elsewhere. */
const LINKED: ChatTurn[] = [
  { role: 'user', content: '', parts: [{ type: 'image', url: 'https://example.com/a.png' }] },
];
const SETTINGS: PromptOptions = {
  stop: ['END', '\n'],
  seed: 7,
  presencePenalty: 0.5,
  frequencyPenalty: -0.5,
  topK: 40,
  reasoningEffort: 'low',
};
const FORMAT = { type: 'json_schema', name: 'place', schema: SCHEMA, strict: true } as const;

describe('what is sent of tools, images and options', () => {
  const server = useWireServer();

  const ask = async (name: Wire['name'], request: Partial<ProviderRequest>) => {
    server.current.answer({ steps: [] });
    const turns: ChatTurn[] = [{ role: 'user', content: 'Hi' }];
    return collect(adapterOf({ name }, server.current.url), { model: 'm', turns, ...request });
  };
  const bodyOf = async (name: Wire['name'], request: Partial<ProviderRequest>) => {
    await ask(name, request);
    const sent = server.current.requests.at(-1);
    if (!sent) throw new Error('nothing was sent');
    return sent.body;
  };
  const choiceOf = async (name: Wire['name'], toolChoice: ToolChoice, parallelToolCalls?: boolean) => {
    const options = {
      tools: TOOLS,
      toolChoice,
      ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
    };
    return bodyOf(name, { options });
  };

  // https://platform.openai.com/docs/api-reference/chat/create
  for (const name of ['openai', 'openrouter', 'huggingface'] as const) {
    describe(`to ${name}`, () => {
      it('is the turns, with pictures, calls and answers', async () => {
        const { messages } = await bodyOf(name, { turns: TURNS });
        const called = (id: string, called: string, text: string) => ({
          id,
          type: 'function',
          function: { name: called, arguments: text },
        });
        expect(messages).to.deep.equal([
          { role: 'system', content: 'Be brief.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Where is this?' },
              { type: 'image_url', image_url: { url: PIXEL, detail: 'low' } },
            ],
          },
          {
            role: 'assistant',
            content: 'Let me look.',
            tool_calls: [
              called('call_1', 'get_weather', '{"city":"Paris"}'),
              called('call_2', 'get_time', 'not JSON'),
            ],
          },
          { role: 'tool', tool_call_id: 'call_1', content: '{"degrees":21}' },
          { role: 'tool', tool_call_id: 'call_2', content: 'noon' },
          { role: 'user', content: 'And tomorrow?' },
        ]);
      });

      it('is a picture by its address, and null where a call stands without text', async () => {
        const [silent] = TURNS.slice(2, 3).map((turn) => ({ ...turn, content: '' }));
        const { messages } = await bodyOf(name, { turns: [...LINKED, ...(silent ? [silent] : [])] });
        const [linked, calling] = messages as { content: unknown }[];
        expect(linked?.content).to.deep.equal([
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
        ]);
        expect(calling?.content).to.equal(null);
      });

      it('is the tools, and how they may be chosen', async () => {
        const body = await choiceOf(name, { name: 'get_weather' }, false);
        expect(body.tools).to.deep.equal([
          {
            type: 'function',
            function: {
              name: 'get_weather',
              description: 'The weather of a city.',
              parameters: SCHEMA,
              strict: true,
            },
          },
          { type: 'function', function: { name: 'get_time' } },
        ]);
        expect(body.tool_choice).to.deep.equal({ type: 'function', function: { name: 'get_weather' } });
        expect(body.parallel_tool_calls).to.equal(false);
        for (const choice of ['auto', 'none', 'required'] as const) {
          expect((await choiceOf(name, choice)).tool_choice).to.equal(choice);
        }
      });

      it('is the options by their names here', async () => {
        const body = await bodyOf(name, { options: { ...SETTINGS, responseFormat: FORMAT } });
        expect(body).to.deep.include({
          stop: ['END', '\n'],
          seed: 7,
          presence_penalty: 0.5,
          frequency_penalty: -0.5,
          top_k: 40,
          reasoning_effort: 'low',
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'place', schema: SCHEMA, strict: true },
          },
        });
        const json = await bodyOf(name, { options: { responseFormat: { type: 'json_object' } } });
        expect(json.response_format).to.deep.equal({ type: 'json_object' });
      });
    });
  }

  it('is nothing of tools to anybody where there is none to choose', async () => {
    const options: PromptOptions = { tools: [], toolChoice: 'auto', parallelToolCalls: false, stop: [] };
    for (const name of ['openai', 'anthropic', 'gemini'] as const) {
      expect(await bodyOf(name, { options }), name).to.deep.equal(await bodyOf(name, {}));
    }
  });

  it('is no top_k to OpenAI itself, which refuses it', () => {
    const topKAt = (baseURL: string) =>
      toOpenAiBody({ model: 'm', turns: [], options: { topK: 40 } }, openAiFieldsOf(baseURL)).top_k;
    expect(topKAt('https://api.openai.com/v1')).to.equal(undefined);
    expect(topKAt('https://mine.openai.azure.com/openai/v1')).to.equal(undefined);
    expect(topKAt('http://localhost:11434/v1')).to.equal(40);
  });

  describe('to anthropic', () => {
    // https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls
    it('is the turns: results first in one turn of the user, pictures by their data', async () => {
      const { messages, system } = await bodyOf('anthropic', { turns: TURNS });
      expect(system).to.equal('Be brief.');
      expect(messages).to.deep.equal([
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Where is this?' },
            {
              type: 'image',
              source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' },
            },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'Let me look.' },
            { type: 'tool_use', id: 'call_1', name: 'get_weather', input: { city: 'Paris' } },
            { type: 'tool_use', id: 'call_2', name: 'get_time', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'call_1', content: '{"degrees":21}' },
            { type: 'tool_result', tool_use_id: 'call_2', content: 'noon' },
            { type: 'text', text: 'And tomorrow?' },
          ],
        },
      ]);
    });

    // https://platform.claude.com/docs/en/build-with-claude/effort
    it('is the effort that the model takes, or the one below', async () => {
      const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;
      const toAll = ['low', 'low', 'low', 'medium', 'high'];
      const known = {
        'claude-opus-4-5-20251101': [...toAll, 'high', 'high'],
        'claude-sonnet-4-6': [...toAll, 'high', 'max'],
        'claude-opus-4-7': [...toAll, 'xhigh', 'max'],
        'claude-haiku-5-5': [...toAll, 'xhigh', 'max'],
        'claude-haiku-4-5-20251001': efforts.map(() => undefined),
        'claude-opus-4-20250514': efforts.map(() => undefined),
        'claude-3-7-sonnet-latest': efforts.map(() => undefined),
        'MiniMax-M2': efforts.map(() => undefined),
      };
      for (const [model, expected] of Object.entries(known)) {
        const sent: unknown[] = [];
        for (const reasoningEffort of efforts) {
          const body = await bodyOf('anthropic', { model, options: { reasoningEffort } });
          sent.push((body.output_config as { effort?: string } | undefined)?.effort);
        }
        expect(sent, model).to.deep.equal(expected);
      }
      const options: PromptOptions = { reasoningEffort: 'low', responseFormat: FORMAT };
      const { output_config } = await bodyOf('anthropic', { model: 'claude-opus-5', options });
      expect(output_config).to.deep.equal({
        effort: 'low',
        format: { type: 'json_schema', schema: SCHEMA },
      });
    });

    // https://platform.claude.com/docs/en/build-with-claude/vision
    it('is a picture by its address', async () => {
      const { messages } = await bodyOf('anthropic', { turns: LINKED });
      const source = { type: 'url', url: 'https://example.com/a.png' };
      expect(messages).to.deep.equal([{ role: 'user', content: [{ type: 'image', source }] }]);
    });

    it('has results with pictures, and empty ones', async () => {
      const seen: ChatTurn = { role: 'tool', toolCallId: 'call_1', content: 'seen', parts: [] };
      seen.parts = [
        { type: 'text', text: ' ' },
        { type: 'image', url: PIXEL },
      ];
      const empty: ChatTurn = { role: 'tool', toolCallId: 'call_2', content: '' };
      const { messages } = await bodyOf('anthropic', { turns: [...TURNS.slice(0, 3), seen, empty] });
      expect((messages as unknown[])[2]).to.deep.equal({
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'call_1',
            content: [
              {
                type: 'image',
                source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' },
              },
            ],
          },
          { type: 'tool_result', tool_use_id: 'call_2' },
        ],
      });
    });

    it('has ids of letters, digits, _ and -, whoever gave them', async () => {
      const toolCalls = [{ id: 'functions.get_time:0', name: 'get_time', arguments: '' }];
      const { messages } = await bodyOf('anthropic', {
        turns: [
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: '', toolCalls },
          { role: 'tool', toolCallId: 'functions.get_time:0', content: 'noon' },
        ],
      });
      expect((messages as unknown[]).slice(1)).to.deep.equal([
        {
          role: 'assistant',
          content: [{ type: 'tool_use', id: 'functions_get_time_0', name: 'get_time', input: {} }],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 'functions_get_time_0', content: 'noon' }],
        },
      ]);
    });

    // https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools
    it('is the tools, and how they may be chosen', async () => {
      const { tools, tool_choice: choice } = await choiceOf('anthropic', 'auto');
      expect(tools).to.deep.equal([
        {
          name: 'get_weather',
          description: 'The weather of a city.',
          input_schema: SCHEMA,
          eager_input_streaming: true,
          strict: true,
        },
        {
          name: 'get_time',
          input_schema: { type: 'object', properties: {} },
          eager_input_streaming: true,
        },
      ]);
      expect(choice).to.deep.equal({ type: 'auto' });
      const chosen = async (toolChoice: ToolChoice, parallel?: boolean) =>
        (await choiceOf('anthropic', toolChoice, parallel)).tool_choice;
      expect(await chosen('required')).to.deep.equal({ type: 'any' });
      expect(await chosen('none', false)).to.deep.equal({ type: 'none' });
      expect(await chosen({ name: 'get_time' }, false)).to.deep.equal({
        type: 'tool',
        name: 'get_time',
        disable_parallel_tool_use: true,
      });
      const single = await bodyOf('anthropic', { options: { tools: TOOLS, parallelToolCalls: false } });
      expect(single.tool_choice).to.deep.equal({ type: 'auto', disable_parallel_tool_use: true });
      expect(await bodyOf('anthropic', { options: { tools: TOOLS } })).to.not.have.property('tool_choice');
    });

    // https://platform.claude.com/docs/en/api/messages, .../build-with-claude/structured-outputs
    it('is of the options what there is here', async () => {
      const options = { ...SETTINGS, responseFormat: FORMAT };
      const base = { max_tokens: 4096, messages: [{ role: 'user', content: 'Hi' }], stream: true };
      const format = { type: 'json_schema', schema: SCHEMA };
      const rest = { ...base, stop_sequences: ['END'], output_config: { format } };
      const old = 'claude-3-5-haiku-latest';
      expect(await bodyOf('anthropic', { model: old, options })).to.deep.equal({
        ...rest,
        model: old,
        top_k: 40,
      });
      expect(await bodyOf('anthropic', { options }), 'takes no sampling').to.deep.equal({
        ...rest,
        model: 'm',
      });
      const json = await bodyOf('anthropic', { options: { responseFormat: { type: 'json_object' } } });
      expect(json).to.deep.equal({ ...base, model: 'm' });
    });
  });

  describe('to gemini', () => {
    // https://ai.google.dev/gemini-api/docs/function-calling
    it('is the turns: answers with the name of the function, pictures by their data', async () => {
      const { contents, systemInstruction } = await bodyOf('gemini', { turns: TURNS });
      expect(systemInstruction).to.deep.equal({ role: 'user', parts: [{ text: 'Be brief.' }] });
      expect(contents).to.deep.equal([
        {
          role: 'user',
          parts: [
            { text: 'Where is this?' },
            { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
          ],
        },
        {
          role: 'model',
          parts: [
            { text: 'Let me look.' },
            { functionCall: { id: 'call_1', name: 'get_weather', args: { city: 'Paris' } } },
            { functionCall: { id: 'call_2', name: 'get_time', args: {} } },
          ],
        },
        {
          role: 'user',
          parts: [
            { functionResponse: { id: 'call_1', name: 'get_weather', response: { degrees: 21 } } },
            { functionResponse: { id: 'call_2', name: 'get_time', response: { output: 'noon' } } },
          ],
        },
        { role: 'user', parts: [{ text: 'And tomorrow?' }] },
      ]);
    });

    it('is the pictures of an answer after all answers', async () => {
      const seen: ChatTurn = {
        role: 'tool',
        toolCallId: 'call_1',
        content: 'seen',
        parts: [
          { type: 'text', text: 'seen' },
          { type: 'image', url: PIXEL },
        ],
      };
      const { contents } = await bodyOf('gemini', {
        turns: [...TURNS.slice(0, 3), seen, ...TURNS.slice(4)],
      });
      expect((contents as unknown[]).slice(2)).to.deep.equal([
        {
          role: 'user',
          parts: [
            { functionResponse: { id: 'call_1', name: 'get_weather', response: { output: 'seen' } } },
            { functionResponse: { id: 'call_2', name: 'get_time', response: { output: 'noon' } } },
          ],
        },
        {
          role: 'user',
          parts: [{ inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }, { text: 'And tomorrow?' }],
        },
      ]);
    });

    it('is refused with a picture that stands elsewhere, and with an answer to no call', async () => {
      const orphan: ChatTurn = { role: 'tool', toolCallId: 'call_9', content: 'noon' };
      for (const [turns, says] of [
        [LINKED, 'data URL'],
        [[{ role: 'user', content: 'Hi' }, orphan] as ChatTurn[], 'call'],
      ] as const) {
        const error = errorOf(await ask('gemini', { turns }));
        expect(error.code).to.equal('bad_request');
        expect(error.message).to.include(says);
      }
      expect(server.current.requests).to.deep.equal([]);
    });

    it('is the tools, and how they may be chosen', async () => {
      const { tools, toolConfig } = await choiceOf('gemini', 'auto', false);
      expect(tools).to.deep.equal([
        {
          functionDeclarations: [
            {
              name: 'get_weather',
              description: 'The weather of a city.',
              parametersJsonSchema: SCHEMA,
            },
            { name: 'get_time' },
          ],
        },
      ]);
      expect(toolConfig).to.deep.equal({ functionCallingConfig: { mode: 'AUTO' } });
      const chosen = async (choice: ToolChoice) => (await choiceOf('gemini', choice)).toolConfig;
      expect(await chosen('none')).to.deep.equal({ functionCallingConfig: { mode: 'NONE' } });
      expect(await chosen('required')).to.deep.equal({ functionCallingConfig: { mode: 'ANY' } });
      expect(await chosen({ name: 'get_time' })).to.deep.equal({
        functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['get_time'] },
      });
    });

    // https://ai.google.dev/api/generate-content#generationconfig
    it('is of the options what there is here', async () => {
      const { generationConfig } = await bodyOf('gemini', {
        options: { ...SETTINGS, responseFormat: FORMAT },
      });
      expect(generationConfig).to.deep.equal({
        stopSequences: ['END', '\n'],
        seed: 7,
        presencePenalty: 0.5,
        frequencyPenalty: -0.5,
        topK: 40,
        responseMimeType: 'application/json',
        responseJsonSchema: SCHEMA,
      });
      const json = await bodyOf('gemini', { options: { responseFormat: { type: 'json_object' } } });
      expect(json.generationConfig).to.deep.equal({ responseMimeType: 'application/json' });
      const none = await bodyOf('gemini', { options: { presencePenalty: 0, frequencyPenalty: 0, seed: 0 } });
      expect(none.generationConfig).to.deep.equal({ seed: 0 });
    });

    // https://ai.google.dev/gemini-api/docs/thought-signatures
    it('is the signature with its call, and the mark that there is none where one is demanded', async () => {
      const partsOf = async (model: string, ids: string[]) => {
        const toolCalls = ids.map((id) => ({ id, name: 'get_time', arguments: '{}' }));
        const { contents } = await bodyOf('gemini', {
          model,
          turns: [
            { role: 'user', content: 'Hi' },
            { role: 'assistant', content: '', toolCalls },
            ...ids.map((id): ChatTurn => ({ role: 'tool', toolCallId: id, content: 'noon' })),
          ],
        });
        const [, calling, user] = contents as { parts: Record<string, unknown>[] }[];
        return { calls: calling?.parts, answers: user?.parts };
      };
      const functionCall = { name: 'get_time', args: {} };
      const signed = await partsOf('gemini-3-pro-preview', ['x1__thought__a-b_cQ', 'x2']);
      expect(signed.calls).to.deep.equal([
        { functionCall: { ...functionCall, id: 'x1' }, thoughtSignature: 'a+b/cQ==' },
        { functionCall: { ...functionCall, id: 'x2' } },
      ]);
      expect(signed.answers?.[0]).to.deep.equal({
        functionResponse: { id: 'x1', name: 'get_time', response: { output: 'noon' } },
      });
      const foreign = await partsOf('gemini-3-pro-preview', ['x1', 'x2']);
      expect(foreign.calls).to.deep.equal([
        {
          functionCall: { ...functionCall, id: 'x1' },
          thoughtSignature: 'skip_thought_signature_validator',
        },
        { functionCall: { ...functionCall, id: 'x2' } },
      ]);
      const older = await partsOf('gemini-2.5-pro', ['x1']);
      expect(older.calls).to.deep.equal([{ functionCall: { ...functionCall, id: 'x1' } }]);
    });
  });

  // https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
  it('is the signature of Gemini to openrouter, beside the calls', async () => {
    const detailsOf = async (model: string, ids: string[]) => {
      const toolCalls = ids.map((id) => ({ id, name: 'get_time', arguments: '{}' }));
      const { messages } = await bodyOf('openrouter', {
        model,
        turns: [
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: '', toolCalls },
          ...ids.map((id): ChatTurn => ({ role: 'tool', toolCallId: id, content: 'noon' })),
        ],
      });
      const [, calling] = messages as { reasoning_details?: unknown; tool_calls?: { id: string }[] }[];
      expect(calling?.tool_calls?.map(({ id }) => id)).to.deep.equal(['x1', 'x2']);
      return calling?.reasoning_details;
    };
    const gemini = 'google/gemini-3-flash-preview';
    const detail = { type: 'reasoning.encrypted', format: 'google-gemini-v1' };
    expect(await detailsOf(gemini, ['x1', 'x2__thought__a-b_cQ'])).to.deep.equal([
      { ...detail, id: 'x2', index: 1, data: 'a+b/cQ==' },
    ]);
    expect(await detailsOf(gemini, ['x1', 'x2'])).to.deep.equal([
      { ...detail, id: 'x1', index: 0, data: 'skip_thought_signature_validator' },
    ]);
    expect(await detailsOf('google/gemini-2.5-pro', ['x1', 'x2'])).to.equal(undefined);
    expect(await detailsOf('openai/gpt-4.1', ['x1__thought__a-b_cQ', 'x2'])).to.equal(undefined);
  });

  it('is the id of a call without the signature of Gemini, to everybody else', async () => {
    const id = 'x1__thought__a-b_cQ';
    const turns: ChatTurn[] = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: '', toolCalls: [{ id, name: 'get_time', arguments: '{}' }] },
      { role: 'tool', toolCallId: id, content: 'noon' },
    ];
    for (const name of ['openai', 'anthropic'] as const) {
      const sent = JSON.stringify((await bodyOf(name, { turns })).messages);
      expect(sent.match(/x1/g), name).to.have.length(2);
      expect(sent, name).to.not.include('__thought__');
    }
  });

  it('is not sent where a data URL cannot be read', async () => {
    const turns: ChatTurn[] = [
      { role: 'user', content: '', parts: [{ type: 'image', url: 'data:image/png' }] },
    ];
    for (const name of ['anthropic', 'gemini'] as const) {
      expect(errorOf(await ask(name, { turns })).code, name).to.equal('bad_request');
    }
    expect(server.current.requests).to.deep.equal([]);
  });
});
