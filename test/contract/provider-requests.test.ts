import { expect } from 'chai';
import type { ChatTurn } from '../../src/contracts/prompt.ts';
import { createAnthropicProvider } from '../../src/providers/anthropic.ts';
import { createGeminiProvider } from '../../src/providers/gemini.ts';
import { createOpenAiProvider, tokenLimitName } from '../../src/providers/openai.ts';
import type { ProviderRequest } from '../../src/providers/provider.ts';
import {
  adapterOf,
  ask,
  collect,
  errorOf,
  KEY,
  textOf,
  useWireServer,
  wireSubjects,
} from '../support/provider-subjects.ts';
import { anthropicWire, geminiWire, openAiWire, openRouterWire } from '../support/provider-wires.ts';

const TURNS: ChatTurn[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'One' },
  { role: 'assistant', content: 'Two' },
  { role: 'user', content: 'Three' },
];
/** What some wires refuse: it begins with the model, has a blank turn, and two of the user in a row. */
const UNEVEN: ChatTurn[] = [
  { role: 'assistant', content: 'cut off' },
  { role: 'user', content: 'One' },
  { role: 'assistant', content: ' ' },
  { role: 'user', content: 'Two' },
];
const SETTINGS = { temperature: 1.5, topP: 0.9, maxTokens: 99 };

describe('what is sent', () => {
  const server = useWireServer();
  const subjects = new Map(wireSubjects(server).map((subject) => [subject.wire.name, subject]));

  const send = async (
    name: 'openai' | 'openrouter' | 'huggingface' | 'anthropic' | 'gemini',
    request: Partial<ProviderRequest>,
  ) => {
    const subject = subjects.get(name);
    if (!subject) throw new Error(`there is no ${name}`);
    subject.saying(['Hi']);
    await collect(subject.provider(), { model: 'm', turns: TURNS, ...request });
    const sent = server.current.requests.at(-1);
    if (!sent) throw new Error('nothing was sent');
    return sent;
  };

  describe('to openai', () => {
    const BODY = {
      model: 'm',
      messages: TURNS,
      temperature: 1.5,
      top_p: 0.9,
      max_tokens: 99,
      stream: true,
      stream_options: { include_usage: true },
    };

    it('has the turns, the sampling, the limit and the key', async () => {
      const request = await send('openai', SETTINGS);
      expect(request.path).to.equal('/v1/chat/completions');
      expect(request.headers.authorization).to.equal(`Bearer ${KEY}`);
      expect(request.body).to.deep.equal(BODY);
    });

    it('is the same to Hugging Face', async () => {
      const request = await send('huggingface', SETTINGS);
      expect(request.path).to.equal('/v1/chat/completions');
      expect(request.headers.authorization).to.equal(`Bearer ${KEY}`);
      expect(request.body).to.deep.equal(BODY);
    });

    it('asks OpenRouter for the cost, too', async () => {
      const request = await send('openrouter', SETTINGS);
      expect(request.path).to.equal('/api/v1/chat/completions');
      expect(request.headers.authorization).to.equal(`Bearer ${KEY}`);
      expect(request.body).to.deep.equal({ ...BODY, usage: { include: true } });
    });

    it('names the limit as the host knows it', () => {
      expect(tokenLimitName('https://api.openai.com/v1')).to.equal('max_completion_tokens');
      expect(tokenLimitName('https://mine.openai.azure.com/openai/v1')).to.equal('max_completion_tokens');
      expect(tokenLimitName('http://localhost:11434/v1')).to.equal('max_tokens');
      expect(tokenLimitName('https://notopenai.com/v1')).to.equal('max_tokens');
    });

    it('has no authorization when there is no key', async () => {
      subjects.get('openai')?.saying(['Hi']);
      const provider = createOpenAiProvider({ name: 'local', baseURL: `${server.current.url}/v1` });
      await collect(provider, ask('Hello'));
      expect(server.current.requests[0]?.headers).to.not.have.any.keys(
        'authorization',
        'openai-organization',
      );
    });
  });

  describe('to anthropic', () => {
    it('has the system turn in its own field, a limit and the key', async () => {
      const request = await send('anthropic', {});
      expect(request.path).to.equal('/v1/messages');
      expect(request.headers.authorization).to.equal(`Bearer ${KEY}`);
      expect(request.body).to.deep.equal({
        model: 'm',
        max_tokens: 4096,
        system: 'Be brief.',
        messages: TURNS.slice(1),
        stream: true,
      });
    });

    it('asks unasked for no more than the model can write, nor for more than a prompt leaves free', async () => {
      const limitOf = async (request: object) => (await send('anthropic', request)).body.max_tokens;
      expect(await limitOf({ maxOutputTokens: 1_000 })).to.equal(1_000);
      expect(await limitOf({ maxOutputTokens: 64_000 })).to.equal(16_384);
      expect(await limitOf({ maxOutputTokens: 64_000, maxTokens: 50_000 })).to.equal(50_000);
    });

    it('begins with the user, joins turns of one role and leaves out blank ones', async () => {
      const { body } = await send('anthropic', { turns: UNEVEN });
      expect(body.messages).to.deep.equal([{ role: 'user', content: 'One\n\nTwo' }]);
      expect(body).to.not.have.property('system');
    });

    it('has the temperature on its own scale, and never with top_p', async () => {
      const both = await send('anthropic', SETTINGS);
      expect(both.body).to.include({ temperature: 1, max_tokens: 99 }).and.not.have.property('top_p');
      const one = await send('anthropic', { topP: 0.9 });
      expect(one.body).to.include({ top_p: 0.9 }).and.not.have.property('temperature');
    });
  });

  describe('to gemini', () => {
    it('has the turns, the settings and the key, which is not in the address', async () => {
      const request = await send('gemini', SETTINGS);
      expect(request.path).to.equal('/v1beta/models/m:streamGenerateContent?alt=sse');
      expect(request.headers['x-goog-api-key']).to.equal(KEY);
      expect(request.body).to.deep.equal({
        systemInstruction: { role: 'user', parts: [{ text: 'Be brief.' }] },
        contents: [
          { role: 'user', parts: [{ text: 'One' }] },
          { role: 'model', parts: [{ text: 'Two' }] },
          { role: 'user', parts: [{ text: 'Three' }] },
        ],
        generationConfig: { temperature: 1.5, topP: 0.9, maxOutputTokens: 99 },
      });
    });

    it('begins with the user, joins turns of one role and leaves out blank ones', async () => {
      const { body } = await send('gemini', { turns: UNEVEN });
      expect(body.contents).to.deep.equal([{ role: 'user', parts: [{ text: 'One\n\nTwo' }] }]);
      expect(body).to.not.have.any.keys('systemInstruction');
    });

    it('asks those models for their thoughts that have some', async () => {
      for (const model of [
        'gemini-2.5-flash',
        'gemini-2.5-pro',
        'gemini-3-pro-preview',
        'gemini-3.8-flash',
      ]) {
        const { body } = await send('gemini', { model });
        expect(body.generationConfig, model).to.deep.equal({ thinkingConfig: { includeThoughts: true } });
      }
      for (const model of ['gemini-2.0-flash', 'gemini-2.5-flash-image', 'gemma-3-27b-it']) {
        const { body } = await send('gemini', { model });
        expect(body.generationConfig ?? {}, model).to.deep.equal({});
      }
    });
  });
});

describe('a base URL with the version that the SDK adds', () => {
  const server = useWireServer();

  for (const [create, suffix, path] of [
    [createAnthropicProvider, '/v1', '/v1/messages'],
    [createAnthropicProvider, '/proxy/v1/', '/proxy/v1/messages'],
    [createGeminiProvider, '/v1beta', '/v1beta/models/some-model:streamGenerateContent?alt=sse'],
    [createGeminiProvider, '/proxy/v1beta/', '/proxy/v1beta/models/some-model:streamGenerateContent?alt=sse'],
  ] as const) {
    it(`${create.name}: ${suffix}`, async () => {
      await collect(create({ apiKey: KEY, baseURL: server.current.url + suffix }), ask('Hello'));
      expect(server.current.requests[0]?.path).to.equal(path);
    });
  }
});

describe('refusals that only one wire has', () => {
  const server = useWireServer();
  const refused = async (wire: typeof geminiWire, status: number, body: string) => {
    server.current.answer({ status, steps: [body] });
    return errorOf(await collect(adapterOf(wire, server.current.url), ask('Hello')));
  };
  const geminiError = (status: string, details: object[] = []) =>
    JSON.stringify({ error: { message: `the key ${KEY}`, status, details } });

  it('anthropic: an empty account, for which there is only the text', async () => {
    const text = 'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.';
    const error = await refused(anthropicWire, 400, anthropicWire.errorBody('invalid_request_error', text));
    expect(error.code).to.equal('provider_billing');
  });

  it('openrouter: a prompt that moderation has flagged, and a key that may not', async () => {
    const flagged = {
      error: { code: 403, message: 'flagged', metadata: { reasons: ['violence'], flagged_input: 'Hello' } },
    };
    expect((await refused(openRouterWire, 403, JSON.stringify(flagged))).code).to.equal('content_filter');
    const denied = { error: { code: 403, message: 'no' } };
    expect((await refused(openRouterWire, 403, JSON.stringify(denied))).code).to.equal('provider_auth');
  });

  it('openrouter: an upstream that failed in the middle', async () => {
    const { begin, text } = openRouterWire;
    const failed = 'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\n';
    server.current.answer({ steps: [begin, text('Hi'), failed] });
    const error = errorOf(await collect(adapterOf(openRouterWire, server.current.url), ask('Hello')));
    expect(error.code).to.equal('stream_broken');
  });

  it('openai: servers that give a reason to stop and a count with every chunk', async () => {
    const said = (content: string, completion_tokens: number) =>
      `data: ${JSON.stringify({
        choices: [{ index: 0, delta: { content }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 3, completion_tokens },
      })}\n\n`;
    const pause = { pauseMs: 300 };
    server.current.answer({ steps: [said('Hello', 1), pause, said(' world', 2), pause, said('!!', 3)] });
    const events = await collect(adapterOf(openAiWire, server.current.url), ask('Hello'));
    expect(textOf(events)).to.equal('Hello world!!');
    expect(events.slice(-2)).to.deep.equal([
      { type: 'usage', usage: { inputTokens: 3, outputTokens: 3 } },
      { type: 'finish', reason: 'stop' },
    ]);
  });

  it('huggingface: a model that none of its providers serves', async () => {
    const body = {
      error: { message: 'not supported', type: 'invalid_request_error', code: 'model_not_supported' },
    };
    const error = await refused({ ...openRouterWire, name: 'huggingface' }, 400, JSON.stringify(body));
    expect(error.code).to.equal('model_not_available');
  });

  it('gemini: a wrong key, which is a plain 400', async () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }];
    const error = await refused(geminiWire, 400, geminiError('INVALID_ARGUMENT', details));
    expect(error.code).to.equal('provider_auth');
    expect(error.message).to.not.include(KEY);
    expect((await refused(geminiWire, 400, geminiError('INVALID_ARGUMENT'))).code).to.equal('bad_request');
  });

  it('gemini: an account without billing where there is no free tier', async () => {
    const error = await refused(geminiWire, 400, geminiError('FAILED_PRECONDITION'));
    expect(error.code).to.equal('provider_billing');
  });

  it('gemini: the time to wait, which stands in the body', async () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.074s' }];
    const error = await refused(geminiWire, 429, geminiError('RESOURCE_EXHAUSTED', details));
    expect(error.code).to.equal('rate_limited');
    expect(error.retryAfterMs).to.equal(34_074);
  });

  it('gemini: an error in a list, as without SSE', async () => {
    const error = await refused(geminiWire, 404, `[${geminiError('NOT_FOUND')}]`);
    expect(error.code).to.equal('model_not_available');
  });

  it('gemini: a prompt that was blocked', async () => {
    const blocked = {
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
      usageMetadata: { promptTokenCount: 4 },
    };
    server.current.answer({ steps: [`data: ${JSON.stringify(blocked)}\n\n`] });
    const events = await collect(adapterOf(geminiWire, server.current.url), ask('Hello'));
    expect(events.map((event) => event.type)).to.deep.equal(['start', 'error']);
    expect(errorOf(events).code).to.equal('content_filter');
  });

  it('gemini: events after a finish reason, which older models have in each', async () => {
    const event = (text: string) =>
      `data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text }] }, finishReason: 'STOP' }] })}\n\n`;
    const words = ['a', 'b', 'c', 'd', 'e'];
    server.current.answer({ steps: words.flatMap((word) => [event(word), { pauseMs: 300 }]) });
    const events = await collect(adapterOf(geminiWire, server.current.url), ask('Hello'));
    expect(events.map((each) => (each.type === 'text' ? each.text : each.type)).join(' ')).to.equal(
      'start a b c d e finish',
    );
  });
});

describe('words of refusal', () => {
  const server = useWireServer();
  const read = async (...deltas: object[]) => {
    const { begin, end } = openRouterWire;
    const steps = deltas.map((delta) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`);
    server.current.answer({ steps: [begin, ...steps, end()] });
    const events = await collect(adapterOf({ name: 'openai' }, server.current.url), ask('Hello'));
    return { text: textOf(events), end: events.at(-1) };
  };

  it('are the text of an answer that ends with them', async () => {
    const refused = await read({ content: null, refusal: 'I ' }, { refusal: 'cannot.' });
    expect(refused).to.deep.equal({ text: 'I cannot.', end: { type: 'finish', reason: 'refusal' } });
  });

  it('are text like any other beside an answer, and nothing where there are calls', async () => {
    const beside = await read({ content: 'Well. ' }, { refusal: 'I cannot.' });
    expect(beside).to.deep.equal({ text: 'Well. I cannot.', end: { type: 'finish', reason: 'stop' } });
    const call = { index: 0, id: 'call_1', function: { name: 'a', arguments: '{}' } };
    const called = await read({ refusal: 'Hm.' }, { tool_calls: [call] });
    expect(called.end).to.deep.equal({ type: 'finish', reason: 'tool_calls' });
  });
});

describe('thoughts in the content', () => {
  const server = useWireServer();
  const channels = async (name: 'openai' | 'huggingface' | 'openrouter') => {
    const { begin, text, end } = openRouterWire;
    server.current.answer({ steps: [begin, text('<th'), text('ink>hm'), text('m</think>\n\nHi'), end()] });
    const events = await collect(adapterOf({ name }, server.current.url), ask('Hello'));
    return { reasoning: textOf(events, 'reasoning'), text: textOf(events) };
  };

  it('are told apart for servers that do not', async () => {
    expect(await channels('openai')).to.deep.equal({ reasoning: 'hmm', text: 'Hi' });
    expect(await channels('huggingface')).to.deep.equal({ reasoning: 'hmm', text: 'Hi' });
  });

  it('are text where the service takes out what are thoughts', async () => {
    expect(await channels('openrouter')).to.deep.equal({ reasoning: '', text: '<think>hmm</think>\n\nHi' });
  });

  it('are told apart in a list, as Mistral has it, and what else stands there is left out', async () => {
    const { begin, text, end } = openRouterWire;
    const delta = (content: unknown) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
    server.current.answer({
      steps: [
        begin,
        delta([{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }, null, { type: 'reference' }] }]),
        delta([
          { type: 'thinking', thinking: 'm' },
          { type: 'text', text: 'It ' },
        ]),
        delta([null, 7, { type: 'reference', reference_ids: [1] }, { type: 'text', text: { a: 1 } }]),
        delta([{ type: 'text', text: 'is ' }]),
        text('4.'),
        end(),
      ],
    });
    const events = await collect(adapterOf({ name: 'openai' }, server.current.url), ask('Hello'));
    expect([textOf(events, 'reasoning'), textOf(events)]).to.deep.equal(['hmm', 'It is 4.']);
    expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
  });
});
