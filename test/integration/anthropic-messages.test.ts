import Anthropic, { type APIError } from '@anthropic-ai/sdk';
import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import { collect, MODEL, rejection, SILENCE, saying, useOneShotWorld } from '../support/one-shot-world.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { makeKey } from '../support/test-keys.ts';
import { signUp } from '../support/test-user.ts';

const { begin, text, reasoning, end, call, callReason } = openAiWire;
const hello = {
  model: MODEL,
  max_tokens: 50,
  messages: [{ role: 'user' as const, content: 'Hello' }],
};
const weather = {
  name: 'weather',
  description: 'The weather of a place',
  input_schema: { type: 'object' as const, properties: { place: { type: 'string' } } },
};
const lookUp = { id: 'call_1', name: 'weather', pieces: ['{"place":', '"Oslo"}'] };

describe('the Anthropic client', () => {
  const world = useOneShotWorld({ MAX_BODY_BYTES: '20000' });
  let client: Anthropic;
  before(() => {
    const { app, apiKey } = world();
    client = new Anthropic({ baseURL: app.url, apiKey, maxRetries: 0 });
  });
  afterEach(() => world().settled());

  const refused = async (promise: PromiseLike<unknown>) => {
    const error = await rejection(promise);
    expect(error).to.be.instanceOf(Anthropic.APIError);
    return error as APIError;
  };
  const ask = (body: object) => refused(client.messages.create({ ...hello, ...body } as typeof hello));

  it('gets an answer', async () => {
    world().script(begin, reasoning('Hm.'), text('Hi '), text('there'), end());
    const { data: answer, response, request_id } = await client.messages.create(hello).withResponse();
    expect(answer).to.deep.include({
      type: 'message',
      role: 'assistant',
      model: MODEL,
      stop_reason: 'end_turn',
      stop_sequence: null,
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: '' },
        { type: 'text', text: 'Hi there', citations: null },
      ],
    });
    expect(answer.id).to.match(/^msg_/);
    expect(answer.usage).to.deep.include({ input_tokens: 7, output_tokens: 3, cache_read_input_tokens: 0 });
    expect(request_id).to.equal(response.headers.get('x-request-id'));
  });

  it('says everything that a model is told', async () => {
    world().script(...saying('Yes'));
    const sent = world().nextRequest();
    await client.messages.create({
      ...hello,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } },
            { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm.', signature: '' },
            { type: 'text', text: 'Let me see.' },
            { type: 'tool_use', id: 'c1', name: 'weather', input: { place: 'Oslo' } },
          ],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'c1',
              content: [{ type: 'text', text: 'Rain' }],
              is_error: false,
            },
            { type: 'text', text: 'So?' },
          ],
        },
      ],
      tools: [weather],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      stop_sequences: ['END'],
      metadata: { user_id: 'me' },
      thinking: { type: 'enabled', budget_tokens: 1024 },
      output_config: { effort: 'max' },
      // Fields that are not in the types of this client any more.
      ...({ temperature: 0.5, top_p: 0.9, top_k: 5 } as object),
    });
    const { body } = await sent;
    expect(body.messages).to.deep.equal([
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
        ],
      },
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"place":"Oslo"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'Rain' },
      { role: 'user', content: 'So?' },
    ]);
    const { input_schema: parameters, ...named } = weather;
    expect(body).to.deep.include({
      tools: [{ type: 'function', function: { ...named, parameters } }],
      tool_choice: 'required',
      parallel_tool_calls: false,
      stop: ['END'],
      temperature: 0.5,
      top_p: 0.9,
      reasoning_effort: 'max',
    });
  });

  for (const stream of [false, true]) {
    it(`runs its tools by its helper, which wants the conversation kept${stream ? ', streamed' : ''}`, async () => {
      world().script(begin, ...call(0, lookUp), end(callReason));
      world().script(...saying('It ', 'rains'));
      const places: unknown[] = [];
      const runner = client.beta.messages.toolRunner({
        ...hello,
        stream,
        tools: [
          {
            ...weather,
            type: 'custom',
            parse: (given) => given,
            run: (given) => {
              places.push(given);
              return 'rain';
            },
          },
        ],
      });
      const { content } = await runner.runUntilDone();
      expect(content).to.deep.include({ type: 'text', text: 'It rains', citations: null });
      expect(places).to.deep.equal([{ place: 'Oslo' }]);
      expect(world().provider.requests).to.have.length(2);
    });
  }

  it('may have thoughts left out of what it sends, as they are anyhow, and nothing else', async () => {
    world().script(...saying('Hi'));
    const thoughts = { type: 'clear_thinking_20251015' as const, keep: 'all' as const };
    const answer = await client.beta.messages.create({
      ...hello,
      betas: ['context-management-2025-06-27'],
      context_management: { edits: [thoughts] },
    });
    expect(answer.content).to.deep.include({ type: 'text', text: 'Hi', citations: null });
    const error = await ask({
      context_management: { edits: [thoughts, { type: 'clear_tool_uses_20250919' }] },
    });
    expect(error.status).to.equal(400);
    expect(error.message).to.include('context_management.edits.1.type: must be `clear_thinking_20251015`');
  });

  it('may have more tools than OpenAI takes, and longer names of them: who is asked says what is too much', async () => {
    const name = 'n'.repeat(128);
    const names = [...Array.from({ length: 128 }, (_, n) => `t${n}`), name];
    const tools = names.map((each) => ({ name: each, input_schema: { type: 'object' as const } }));
    world().script(begin, ...call(0, { ...lookUp, name }), end(callReason));
    const first = await client.messages.create({ ...hello, tools });
    expect(first.content).to.deep.equal([{ type: 'tool_use', id: 'call_1', name, input: { place: 'Oslo' } }]);
    world().script(...saying('Rain'));
    const answered = { type: 'tool_result' as const, tool_use_id: 'call_1', content: 'rain' };
    const second = await client.messages.create({
      ...hello,
      messages: [
        ...hello.messages,
        { role: 'assistant', content: first.content },
        { role: 'user', content: [answered] },
      ],
      tools: tools.slice(-1),
      tool_choice: { type: 'tool', name },
    });
    expect(second.content).to.deep.equal([{ type: 'text', text: 'Rain', citations: null }]);
  });

  it('is refused a conversation that is kept, so that its helpers send it whole', async () => {
    const error = await ask({ thread: { type: 'create' } });
    expect(error.status).to.equal(400);
    expect(error.error).to.deep.include({
      error: {
        type: 'invalid_request_error',
        message: 'thread: is not supported: nothing is kept; send the conversation',
        details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] },
      },
    });
  });

  it('gets a stream of the events that are published', async () => {
    world().script(begin, reasoning('Hm.'), text('Hi '), ...call(0, lookUp), end(callReason));
    const events = await collect(await client.messages.create({ ...hello, tools: [weather], stream: true }));
    const types = events.map((event) => ('index' in event ? `${event.type} ${event.index}` : event.type));
    expect(types.filter((type, n) => type !== types[n - 1])).to.deep.equal([
      'message_start',
      'content_block_start 0',
      'content_block_delta 0',
      'content_block_stop 0',
      'content_block_start 1',
      'content_block_delta 1',
      'content_block_stop 1',
      'content_block_start 2',
      'content_block_delta 2',
      'content_block_stop 2',
      'message_delta',
      'message_stop',
    ]);
  });

  it('follows a stream with its helper, and has its tools called', async () => {
    world().script(begin, text('Let me '), SILENCE, text('see.'), ...call(0, lookUp), end(callReason));
    const stream = client.messages.stream({ ...hello, tools: [weather] });
    const heard: string[] = [];
    stream.on('text', (delta) => void heard.push(delta));
    const first = await stream.finalMessage();
    expect(heard.join('')).to.equal('Let me see.');
    expect(first.stop_reason).to.equal('tool_use');
    expect(first.usage).to.deep.include({ input_tokens: 7, output_tokens: 3 });
    expect(first.content.at(-1)).to.deep.include({
      type: 'tool_use',
      id: 'call_1',
      input: { place: 'Oslo' },
    });
    world().script(...saying('Rain'));
    const second = await client.messages.create({
      ...hello,
      tools: [weather],
      messages: [
        ...hello.messages,
        { role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'rain' }] },
      ],
    });
    expect(second.content).to.deep.equal([{ type: 'text', text: 'Rain', citations: null }]);
  });

  it('counts tokens, and lists models', async () => {
    const { input_tokens } = await client.messages.countTokens({ model: MODEL, messages: hello.messages });
    expect(input_tokens).to.be.within(1, 5);
    const models = await collect(client.models.list());
    expect(models.map(({ id }) => id)).to.include.members([MODEL, 'echo']);
    // Clients have ways of their own to ask for pages, or to say who they are.
    for (const list of [client.models.list({ limit: 1 }), client.beta.models.list()]) {
      expect((await collect(list)).map(({ id }) => id)).to.deep.equal(models.map(({ id }) => id));
    }
    expect((await client.models.retrieve(MODEL)).display_name).to.equal('gpt 4.1 mini');
    const unknown = await refused(client.models.retrieve('none'));
    expect(unknown).to.be.instanceOf(Anthropic.NotFoundError);
    expect(unknown.apiMessage).to.match(/^model: /);
  });

  it('tells of a text that is not whole', async () => {
    world().script(begin, text('Hi'), end('length'));
    expect((await client.messages.create(hello)).stop_reason).to.equal('max_tokens');
    world().script(begin, text('Hi'), end('content_filter'));
    expect((await client.messages.create(hello)).stop_reason).to.equal('refusal');
  });

  const UNMADE: [what: string, pieces: string[], reason: string][] = [
    ['was cut off', ['{"place": "Os'], 'length'],
    ['was cut off before its arguments', [], 'length'],
    ['cannot be read', ['{"place": tru'], callReason],
    ['has a list as arguments', ['["Oslo"]'], callReason],
  ];
  for (const [what, pieces, reason] of UNMADE) {
    it(`is not given a call that ${what}, and told that the answer is not whole`, async () => {
      const steps = [begin, ...call(0, lookUp), ...call(1, { ...lookUp, id: 'call_2', pieces }), end(reason)];
      const asked = { ...hello, tools: [weather] };
      world().script(...steps);
      const waited = await client.messages.create(asked);
      world().script(...steps);
      const streamed = await client.messages.stream(asked).finalMessage();
      for (const { content, stop_reason } of [waited, streamed]) {
        expect(stop_reason).to.equal('max_tokens');
        expect(content).to.have.lengthOf(1);
        expect(content[0]).to.deep.include({ id: 'call_1', input: { place: 'Oslo' } });
      }
    });
  }

  it('is told of a stream that breaks off', async () => {
    world().script(begin, text('Hi '), 'reset');
    const error = await refused(client.messages.stream(hello).finalMessage());
    expect(error.type).to.equal('api_error');
  });

  const asking = (content: unknown) => ({ messages: [{ role: 'user', content }] });
  const WRONG: [what: string, body: object, path: string][] = [
    ['an empty message', asking(''), 'messages'],
    ['a blank text', asking([{ type: 'text', text: ' ' }]), 'messages'],
    ['no limit', { max_tokens: undefined }, 'max_tokens'],
    ['more than the model writes', { model: 'openai/gpt-4', max_tokens: 20_000 }, 'max_tokens'],
    [
      'a document',
      { messages: [{ role: 'user', content: [{ type: 'document' }] }] },
      'messages.0.content.0.type',
    ],
    [
      'an image that is no base64',
      asking([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '!!!' } }]),
      'messages.0.content.0.source.data',
    ],
    ['a server tool', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'tools.0'],
    ['a call of no tool', { tool_choice: { type: 'any' } }, 'tool_choice'],
    [
      'a call of a tool that there is not',
      { tools: [weather], tool_choice: { type: 'tool', name: 'g' } },
      'tool_choice',
    ],
    ['a tool twice', { tools: [weather, weather] }, 'tools'],
    ['a container', { container: 'c' }, 'container'],
    ['an unknown field', { wat: 1 }, 'wat'],
    [
      'an answer to no call',
      {
        messages: [...hello.messages, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x' }] }],
      },
      'messages',
    ],
  ];
  for (const [what, body, path] of WRONG) {
    it(`is refused ${what} by name`, async () => {
      const error = await ask(body);
      expect(error).to.be.instanceOf(Anthropic.BadRequestError);
      expect(error.type).to.equal('invalid_request_error');
      expect(error.apiMessage).to.match(new RegExp(`^${path}`));
      expect(error.requestID).to.match(/\S/);
    });
  }

  it('is refused as by Anthropic', async () => {
    const { app, database, user } = world();
    const wrong = new Anthropic({ baseURL: app.url, apiKey: 'pk_wrong', maxRetries: 0 });
    const unknown = await refused(wrong.messages.create(hello));
    expect(unknown).to.be.instanceOf(Anthropic.AuthenticationError);
    expect(unknown.type).to.equal('authentication_error');

    const other = await makeKey(app, user, { scopes: ['chat'] });
    const elsewhere = new Anthropic({ baseURL: app.url, apiKey: other.key, maxRetries: 0 });
    expect(await refused(elsewhere.messages.create(hello))).to.be.instanceOf(Anthropic.PermissionDeniedError);
    expect(await refused(elsewhere.models.list())).to.deep.include({ status: 403, type: 'permission_error' });
    const path = client.get('/v1/nothing');
    expect(await refused(path)).to.deep.include({ status: 404, type: 'not_found_error' });

    expect((await ask({ model: 'none' })).type).to.equal('not_found_error');
    const large = await ask({ messages: [{ role: 'user', content: 'x'.repeat(30_000) }] });
    expect(large).to.deep.include({ status: 413, type: 'request_too_large' });

    const poor = await signUp(app);
    await rows(database.db, 'DELETE FROM ledger_entries WHERE user_id = $1', [poor.id]);
    await rows(database.db, 'UPDATE accounts SET balance = 0 WHERE user_id = $1', [poor.id]);
    const { key } = await makeKey(app, poor, { scopes: ['text'] });
    const theirs = new Anthropic({ baseURL: app.url, apiKey: key, maxRetries: 0 });
    expect(await refused(theirs.messages.create(hello))).to.deep.include({
      status: 402,
      type: 'billing_error',
    });

    for (let calls = 0; calls < 2; calls++) world().provider.answer({ status: 500, steps: [] });
    expect(await ask({ stream: true })).to.deep.include({ status: 502, type: 'api_error' });
  });
});
