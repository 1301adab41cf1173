import { expect } from 'chai';
import { loadConfig } from '../../src/base/config.ts';
import { toOpenAiModel } from '../../src/providers/openai-models.ts';
import type { ListedModel, Provider } from '../../src/providers/provider.ts';
import { createProviders } from '../../src/providers/registry.ts';
import { adapterOf, KEY, useWireServer } from '../support/provider-subjects.ts';
import type { Wire } from '../support/provider-wires.ts';

describe('the models that a provider lists', () => {
  const server = useWireServer();

  const serve = (body: unknown) =>
    server.current.answer({
      headers: { 'content-type': 'application/json' },
      steps: [typeof body === 'string' ? body : JSON.stringify(body)],
    });
  const list = async (provider: Provider, signal = AbortSignal.timeout(10_000)): Promise<ListedModel[]> =>
    (await provider.listModels?.(signal)) ?? [];
  const listOf = (name: Wire['name'], ...pages: unknown[]) => {
    for (const page of pages) serve(page);
    return list(adapterOf({ name }, server.current.url));
  };
  it('openai: only those that chat completions serve', () => {
    const names = [
      ...[
        'gpt-4',
        'gpt-4.1-mini',
        'gpt-4o-2024-08-06',
        'chatgpt-4o-latest',
        'gpt-5',
        'gpt-5.4-mini',
        'o3',
        'o4-mini',
      ],
      ...['gpt-4o-search-preview', 'ft:gpt-4.1-nano-2025-04-14:acme::x1'],
      ...[
        'text-embedding-3-large',
        'tts-1-hd',
        'gpt-4o-mini-tts',
        'whisper-1',
        'gpt-4o-transcribe',
        'dall-e-3',
      ],
      ...[
        'gpt-image-1',
        'omni-moderation-latest',
        'gpt-4o-realtime-preview',
        'gpt-realtime',
        'gpt-audio',
        'sora-2',
      ],
      ...[
        'babbage-002',
        'davinci-002',
        'gpt-3.5-turbo-instruct',
        'gpt-5-pro',
        'o1-pro-2025-03-19',
        'gpt-5-codex',
      ],
      ...['codex-mini-latest', 'computer-use-preview', 'o3-deep-research', 'gpt-5-search-api'],
    ];
    const kept = names.flatMap((id) => toOpenAiModel(true)({ id, object: 'model' })?.name ?? []);
    expect(kept).to.deep.equal(names.slice(0, 10));
  });

  it('openai, a server of one’s own: all of them, free, with the window where it is told', async () => {
    const models = await listOf('openai', {
      object: 'list',
      data: [
        { id: 'llama3.2:latest', object: 'model', created: 1, owned_by: 'library' },
        { id: 'nomic-embed-text-embedding', object: 'model' },
        { id: 'Qwen/Qwen3-8B', object: 'model', max_model_len: 40960 },
      ],
    });
    expect(models).to.deep.equal([
      { name: 'llama3.2:latest', tier: 'free' },
      { name: 'nomic-embed-text-embedding', tier: 'free' },
      { name: 'Qwen/Qwen3-8B', contextLength: 40_960, tier: 'free' },
    ]);
    const [request] = server.current.requests;
    expect(request).to.include({ method: 'GET', path: '/v1/models' });
    expect(request?.headers.authorization).to.equal(`Bearer ${KEY}`);
  });

  it('openrouter: prices exactly, limits, settings, capabilities, tiers', async () => {
    const models = await listOf('openrouter', {
      data: [
        {
          id: 'anthropic/claude-sonnet-4',
          name: 'Anthropic: Claude Sonnet 4',
          context_length: 200000,
          architecture: { input_modalities: ['image', 'text'], output_modalities: ['text'] },
          pricing: {
            prompt: '0.000003',
            completion: '0.000015',
            input_cache_read: '0.0000003',
            image: '0.0048',
          },
          top_provider: { context_length: 200000, max_completion_tokens: 64000, is_moderated: true },
          supported_parameters: [
            'max_tokens',
            'reasoning',
            'temperature',
            'tools',
            'top_p',
            'structured_outputs',
          ],
        },
        {
          id: 'openai/o3',
          name: 'OpenAI: o3',
          context_length: 200000,
          architecture: { input_modalities: ['text'], output_modalities: ['text'] },
          pricing: { prompt: '0.00000000000000000123', completion: '1.1e-7' },
          top_provider: { max_completion_tokens: null },
          supported_parameters: ['max_tokens', 'seed'],
        },
        {
          id: 'google/gemma-3-27b-it:free',
          architecture: { output_modalities: ['text'] },
          pricing: { prompt: '0', completion: '0' },
        },
        { id: 'openrouter/auto', pricing: { prompt: '-1', completion: '-1' }, context_length: 2000000 },
        {
          id: 'some/painter',
          architecture: { output_modalities: ['image'] },
          pricing: { prompt: '0', completion: '0' },
        },
      ],
    });
    expect(models).to.deep.equal([
      {
        name: 'anthropic/claude-sonnet-4',
        title: 'Anthropic: Claude Sonnet 4',
        tier: 'paid',
        contextLength: 200_000,
        maxOutputTokens: 64_000,
        capabilities: ['text', 'vision', 'tools', 'json', 'reasoning'],
        parameters: ['temperature', 'topP', 'maxTokens'],
        usdPerMillionInput: '3',
        usdPerMillionCachedInput: '0.3',
        usdPerMillionOutput: '15',
      },
      {
        name: 'openai/o3',
        title: 'OpenAI: o3',
        tier: 'paid',
        contextLength: 200_000,
        capabilities: ['text'],
        parameters: ['maxTokens'],
        usdPerMillionInput: '0.00000000000123',
        usdPerMillionOutput: '0.11',
      },
      { name: 'google/gemma-3-27b-it:free', tier: 'free', usdPerMillionInput: '0', usdPerMillionOutput: '0' },
      { name: 'openrouter/auto', tier: 'paid', contextLength: 2_000_000 },
    ]);
    expect(server.current.requests[0]?.path).to.equal('/api/v1/models');
  });

  it('huggingface: the smallest window and the highest price of the providers that are live', async () => {
    const served = (provider: string, fields: object) => ({ provider, status: 'live', ...fields });
    const models = await listOf('huggingface', {
      object: 'list',
      data: [
        {
          id: 'openai/gpt-oss-120b',
          architecture: { input_modalities: ['text'], output_modalities: ['text'] },
          providers: [
            served('a', {
              context_length: 131072,
              pricing: { input: 0.15, output: 0.6 },
              supports_tools: true,
            }),
            served('b', { context_length: 65536, pricing: { input: 0.1, output: 0.75 } }),
            served('c', { supports_structured_output: true }),
            { provider: 'd', status: 'error', context_length: 1024, pricing: { input: 9, output: 9 } },
          ],
        },
        { id: 'some/idle', providers: [{ provider: 'd', status: 'staging' }] },
        { id: 'some/bare' },
      ],
    });
    expect(models).to.deep.equal([
      {
        name: 'openai/gpt-oss-120b',
        tier: 'free',
        contextLength: 65_536,
        capabilities: ['text', 'tools', 'json'],
        usdPerMillionInput: '0.15',
        usdPerMillionOutput: '0.75',
      },
      { name: 'some/bare', tier: 'free' },
    ]);
  });

  it('anthropic: page by page, with limits and capabilities', async () => {
    const yes = { supported: true };
    const no = { supported: false };
    const models = await listOf(
      'anthropic',
      {
        data: [
          {
            id: 'claude-opus-4-7',
            type: 'model',
            display_name: 'Claude Opus 4.7',
            max_input_tokens: 1000000,
            max_tokens: 128000,
            lifecycle: 'active',
            capabilities: { image_input: yes, structured_outputs: no, thinking: { ...yes, types: {} } },
          },
        ],
        has_more: true,
        first_id: 'claude-opus-4-7',
        last_id: 'claude-opus-4-7',
      },
      {
        data: [
          { id: 'claude-3-haiku-20240307', type: 'model', display_name: 'Claude Haiku 3' },
          { id: 'claude-2.1', type: 'model', lifecycle: 'retired' },
        ],
        has_more: false,
        last_id: 'claude-2.1',
      },
    );
    expect(models).to.deep.equal([
      {
        name: 'claude-opus-4-7',
        title: 'Claude Opus 4.7',
        contextLength: 1_000_000,
        maxOutputTokens: 128_000,
        capabilities: ['text', 'vision', 'tools', 'reasoning'],
      },
      { name: 'claude-3-haiku-20240307', title: 'Claude Haiku 3' },
    ]);
    expect(server.current.requests.map((request) => request.path)).to.deep.equal([
      '/v1/models?limit=1000',
      '/v1/models?limit=1000&after_id=claude-opus-4-7',
    ]);
  });

  it('gemini: page by page, only those that generate text', async () => {
    const model = (name: string, fields: object = {}) => ({
      name: `models/${name}`,
      displayName: name.toUpperCase(),
      inputTokenLimit: 1048576,
      outputTokenLimit: 65536,
      supportedGenerationMethods: ['generateContent', 'countTokens'],
      ...fields,
    });
    const token = 'x'.repeat(300);
    const models = await listOf(
      'gemini',
      {
        models: [
          model('gemini-2.5-flash'),
          model('gemini-2.5-flash-preview-tts'),
          model('gemini-2.5-flash-image'),
          model('text-embedding-004', { supportedGenerationMethods: ['embedContent'] }),
        ],
        nextPageToken: token,
      },
      {
        models: [model('gemma-3-27b-it', { inputTokenLimit: 131072, outputTokenLimit: 8192 })],
        nextPageToken: 'y',
      },
      {},
    );
    expect(models).to.deep.equal([
      {
        name: 'gemini-2.5-flash',
        title: 'GEMINI-2.5-FLASH',
        contextLength: 1_048_576,
        maxOutputTokens: 65_536,
      },
      { name: 'gemma-3-27b-it', title: 'GEMMA-3-27B-IT', contextLength: 131_072, maxOutputTokens: 8192 },
    ]);
    expect(server.current.requests.map((request) => request.path)).to.deep.equal([
      '/v1beta/models?pageSize=1000',
      `/v1beta/models?pageSize=1000&pageToken=${token}`,
      '/v1beta/models?pageSize=1000&pageToken=y',
    ]);
    expect(server.current.requests[0]?.headers['x-goog-api-key']).to.equal(KEY);
  });

  it('any: entries that cannot be used are left out, and a name is there once', async () => {
    const data = [
      ...[null, 'text', {}, { id: 7 }, { id: '' }, { id: 'a\0b' }, { id: 'x'.repeat(201) }],
      {
        id: 'fine',
        name: 'F'.repeat(300),
        context_length: -1,
        top_provider: { max_completion_tokens: 1e12 },
      },
      { id: 'fine', name: 'Fine', pricing: { prompt: 'much', completion: {} } },
    ];
    expect(await listOf('openrouter', { data })).to.deep.equal([
      { name: 'fine', title: 'Fine', tier: 'paid' },
    ]);
  });

  it('echo has none to list, and the guard passes on what its provider can', () => {
    const providers = createProviders(loadConfig({ OPENAI_API_KEY: KEY, GEMINI_API_KEY: KEY }));
    expect(providers.get('echo')?.listModels).to.equal(undefined);
    expect(providers.get('openai')?.listModels).to.be.a('function');
    expect(providers.get('gemini')?.listModels).to.be.a('function');
  });
});
