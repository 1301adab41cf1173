import { expect } from 'chai';
import OpenAI, { type APIError } from 'openai';
import { rows } from '../../src/data/database.ts';
import { collect, MODEL, rejection, saying, useOneShotWorld } from '../support/one-shot-world.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { makeKey } from '../support/test-keys.ts';
import { signUp } from '../support/test-user.ts';

const { begin, text } = openAiWire;
type Body = OpenAI.ChatCompletionCreateParamsNonStreaming;
const hello: Body = { model: MODEL, messages: [{ role: 'user', content: 'Hello' }] };

describe('the openai client is refused', () => {
  const world = useOneShotWorld({ MAX_BODY_BYTES: '20000' });
  let client: OpenAI;
  before(() => {
    const { baseURL, apiKey } = world();
    client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  });
  afterEach(() => world().settled());

  const refused = async (promise: PromiseLike<unknown>) => {
    const error = await rejection(promise);
    expect(error).to.be.instanceOf(OpenAI.APIError);
    return error as APIError;
  };
  const ask = (body: object) => refused(client.chat.completions.create({ ...hello, ...body } as Body));
  const message = (fields: object) => ({ messages: [{ role: 'user', content: 'Hello', ...fields }] });

  const tool = (name: string) => ({ type: 'function', function: { name } });

  /** What is wrong, and the field that is named. */
  type Wrong = [what: string, body: object, param: string];
  const WRONG: Wrong[] = [
    ['no message', { messages: [] }, 'messages'],
    ['no message of the user', { messages: [{ role: 'system', content: 'Hi' }] }, 'messages'],
    ['an empty message', message({ content: '' }), 'messages'],
    ['a blank message', message({ content: ' \n' }), 'messages'],
    ['an empty text', message({ content: [{ type: 'text', text: '' }] }), 'messages'],
    [
      'an empty message at the end',
      { messages: [...hello.messages, { role: 'user', content: '' }] },
      'messages',
    ],
    ['a role that is none', message({ role: 'robot' }), 'messages[0].role'],
    ['content that is none', message({ content: 7 }), 'messages[0].content'],
    [
      'audio',
      message({ content: [{ type: 'input_audio', input_audio: { data: '', format: 'mp3' } }] }),
      'messages[0].content[0].type',
    ],
    [
      'a file',
      message({ content: [{ type: 'file', file: { file_id: 'f' } }] }),
      'messages[0].content[0].type',
    ],
    [
      'an image from a file system',
      message({ content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] }),
      'messages[0].content[0].image_url.url',
    ],
    ...[
      'data:image/png;base64,!!!',
      'data:image/png;base64,',
      'data:image/png;base64',
      'data:image/svg+xml,%zz',
    ].map(
      (url): Wrong => [
        `an image that cannot be read: ${url}`,
        message({ content: [{ type: 'image_url', image_url: { url } }] }),
        'messages[0].content[0].image_url.url',
      ],
    ),
    [
      'an answer to no call',
      { messages: [...hello.messages, { role: 'tool', tool_call_id: 'x', content: '' }] },
      'messages',
    ],
    ['an unknown field', { wat: 1 }, 'wat'],
    ['an unknown field of a message', message({ wat: 1 }), 'messages[0].wat'],
    ['several answers', { n: 2 }, 'n'],
    ['probabilities', { logprobs: true }, 'logprobs'],
    ['audio output', { modalities: ['text', 'audio'] }, 'modalities[1]'],
    ['a voice', { audio: { voice: 'alloy', format: 'mp3' } }, 'audio'],
    ['old functions', { functions: [] }, 'functions'],
    ['a search', { web_search_options: {} }, 'web_search_options'],
    ['a custom tool', { tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'tools[0].type'],
    ['a call of no tool', { tool_choice: 'required' }, 'tool_choice'],
    [
      'a call of a tool that there is not',
      { tools: [tool('f')], tool_choice: { type: 'function', function: { name: 'g' } } },
      'tool_choice',
    ],
    ['a tool twice', { tools: [tool('f'), tool('g'), tool('f')] }, 'tools'],
    ['a temperature that is too high', { temperature: 3 }, 'temperature'],
    ['more than the model writes', { model: 'openai/gpt-4', max_tokens: 100_000 }, 'max_tokens'],
    [
      'more than the model writes, by the new name',
      { model: 'openai/gpt-4', max_completion_tokens: 100_000 },
      'max_completion_tokens',
    ],
    ['NUL', message({ content: 'a\0b' }), 'messages[0].content'],
    ['half a character', message({ content: 'a\ud800' }), 'messages[0].content'],
  ];
  for (const [what, body, param] of WRONG) {
    it(`${what}: names the field`, async () => {
      const error = await ask(body);
      expect(error, error.message).to.be.instanceOf(OpenAI.BadRequestError);
      expect(error).to.deep.include({ status: 400, param, type: 'invalid_request_error' });
      expect(error.message).to.include(`${param}: `).and.not.include('body');
      expect(error.requestID).to.match(/\S/);
      expect(world().provider.requests).to.deep.equal([]);
    });
  }

  it('models that cannot be asked do not exist', async () => {
    for (const model of ['gpt-none', 'anthropic/claude-sonnet-4-6']) {
      const error = await ask({ model });
      expect(error).to.be.instanceOf(OpenAI.NotFoundError);
      expect(error).to.deep.include({
        param: 'model',
        code: 'model_not_found',
        type: 'invalid_request_error',
      });
    }
    const unknown = await refused(client.models.retrieve('nope'));
    expect(unknown).to.be.instanceOf(OpenAI.NotFoundError);
    expect(unknown).to.deep.include({ param: 'model', code: 'model_not_found' });
    expect(unknown.message).to.include('model: ').and.not.include('params');
  });

  it('empty prompts of responses, but no answer of a tool, and no image', async () => {
    const before = await world().charges();
    for (const input of ['', ' ', [{ role: 'user' as const, content: '' }]]) {
      const error = await refused(client.responses.create({ model: MODEL, input }));
      expect(error).to.deep.include({ status: 400, param: 'input' });
    }
    const image = { type: 'input_image', image_url: 'data:image/png;base64,!!!', detail: 'low' } as const;
    const unreadable = client.responses.create({ model: MODEL, input: [{ role: 'user', content: [image] }] });
    const param = 'input[0].content[0].image_url';
    expect(await refused(unreadable)).to.deep.include({ status: 400, param });
    expect(world().provider.requests).to.deep.equal([]);
    expect(await world().charges()).to.equal(before);

    const asksTool = {
      role: 'assistant',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
    } satisfies OpenAI.ChatCompletionMessageParam;
    const fine: Body['messages'][] = [
      [...hello.messages, asksTool, { role: 'tool', tool_call_id: 'a', content: '' }],
      [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }],
      [...hello.messages, { role: 'assistant', content: '' }],
    ];
    for (const messages of fine) {
      world().script(...saying('Hi'));
      const answer = await client.chat.completions.create({ model: MODEL, messages });
      expect(answer.choices[0]?.message.content).to.equal('Hi');
    }
  });

  it('wrong keys, keys for something else, and keys without the right to chat', async () => {
    const { app, baseURL, user, database } = world();
    const wrong = new OpenAI({ baseURL, apiKey: 'pk_wrong', maxRetries: 0 });
    const unknown = await refused(wrong.chat.completions.create(hello));
    expect(unknown).to.be.instanceOf(OpenAI.AuthenticationError);
    expect(unknown).to.deep.include({ status: 401, code: 'invalid_api_key', type: 'authentication_error' });

    const other = await makeKey(app, user, { scopes: ['chat'] });
    const elsewhere = new OpenAI({ baseURL, apiKey: other.key, maxRetries: 0 });
    const forbidden = await refused(elsewhere.chat.completions.create(hello));
    expect(forbidden).to.be.instanceOf(OpenAI.PermissionDeniedError);
    expect(forbidden).to.deep.include({ status: 403, code: 'forbidden', type: 'permission_error' });
    expect(await refused(elsewhere.models.list())).to.be.instanceOf(OpenAI.PermissionDeniedError);

    const viewer = await signUp(app);
    await rows(database.db, `UPDATE users SET role = 'viewer' WHERE id = $1`, [viewer.id]);
    const { key } = await makeKey(app, viewer, { scopes: ['text'] });
    await app.core.resources.feed.control.publish('access-changed', { userId: viewer.id });
    const seeing = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
    expect(await refused(seeing.chat.completions.create(hello))).to.be.instanceOf(
      OpenAI.PermissionDeniedError,
    );
  });

  it('paid models, to whom reaches free ones only', async () => {
    const { app, baseURL, database } = world();
    const free = await signUp(app);
    await rows(database.db, `UPDATE users SET role = 'user' WHERE id = $1`, [free.id]);
    await app.core.resources.feed.control.publish('access-changed', { userId: free.id });
    const { key } = await makeKey(app, free, { scopes: ['text'] });
    const theirs = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
    const error = await refused(theirs.chat.completions.create(hello));
    expect(error).to.deep.include({ status: 403, code: 'forbidden', param: 'model' });
    const models = await collect(theirs.models.list());
    expect(models.map(({ id }) => id))
      .to.include('echo')
      .and.not.include(MODEL);
    const answer = await theirs.chat.completions.create({ ...hello, model: 'echo' });
    expect(answer.choices[0]?.message.content).to.equal('Hello');
  });

  it('without credits, in the words that its users look for', async () => {
    const { app, baseURL, database } = world();
    const poor = await signUp(app);
    await rows(database.db, 'DELETE FROM ledger_entries WHERE user_id = $1', [poor.id]);
    await rows(database.db, 'UPDATE accounts SET balance = 0 WHERE user_id = $1', [poor.id]);
    const { key } = await makeKey(app, poor, { scopes: ['text'] });
    const theirs = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
    for (const stream of [false, true]) {
      const error = await refused(theirs.chat.completions.create({ ...hello, stream }));
      expect(error).to.deep.include({ status: 402, code: 'insufficient_quota', type: 'insufficient_quota' });
    }
  });

  it('bodies that are too large, or no JSON', async () => {
    const large = await ask(message({ content: 'x'.repeat(30_000) }));
    expect(large).to.deep.include({ status: 413, code: 'payload_too_large', type: 'invalid_request_error' });
    const { baseURL, apiKey } = world();
    for (const body of ['{"model":', `${'['.repeat(5_000)}${']'.repeat(5_000)}`, '7', '']) {
      const answer = await fetch(`${baseURL}/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body,
      });
      expect(answer.status, body.slice(0, 9)).to.equal(400);
      expect(await answer.json()).to.have.nested.property('error.type', 'invalid_request_error');
    }
  });

  it('at paths and by methods that are not there', async () => {
    const error = await refused(client.embeddings.create({ model: MODEL, input: 'x' }));
    expect(error).to.be.instanceOf(OpenAI.NotFoundError);
    expect(error.code).to.equal('not_found');
    const { baseURL } = world();
    const answer = await fetch(`${baseURL}/chat/completions`);
    expect(answer.status).to.equal(405);
    expect(await answer.json()).to.have.nested.property('error.code', 'method_not_allowed');
  });

  it('what the provider refuses, as a failure of its own, and pays nothing', async () => {
    const before = await world().charges();
    const refusal = { status: 400, steps: [openAiWire.errorBody('bad', 'secret')] };
    world().provider.answer(refusal);
    const wrong = await ask({});
    expect(wrong).to.deep.include({ status: 400, type: 'invalid_request_error' });
    for (const stream of [false, true]) {
      for (let calls = 0; calls < 2; calls++) world().provider.answer({ status: 500, steps: [] });
      const failed = await ask({ stream });
      expect(failed).to.be.instanceOf(OpenAI.InternalServerError);
      expect(failed).to.deep.include({ status: 502, code: 'provider_failed', type: 'server_error' });
      expect(failed.message).not.to.include('secret');
    }
    expect(await world().charges()).to.equal(before);
  }).timeout(30_000);

  it('in the middle of a stream that breaks off, by an error in it', async () => {
    world().script(begin, text('Hi '), 'reset');
    const stream = await client.chat.completions.create({ ...hello, stream: true });
    const heard: string[] = [];
    const reading = (async () => {
      for await (const { choices } of stream) heard.push(choices[0]?.delta.content ?? '');
    })();
    const error = await refused(reading);
    expect(error).to.deep.include({ code: 'provider_failed', type: 'server_error' });
    expect(heard.join('')).to.equal('Hi ');
  });

  it('nothing of an answer that breaks off: it gets what it pays for, marked as not whole', async () => {
    world().script(begin, text('Hi '), 'reset');
    const answer = await client.chat.completions.create(hello);
    expect(answer.choices[0]).to.deep.include({ finish_reason: 'length' });
    expect(answer.choices[0]?.message.content).to.equal('Hi ');
  });
});

describe('the openai client is slowed down', () => {
  const world = useOneShotWorld({ RATE_LIMITS: 'on', RATE_LIMIT_GENERATION_REQUESTS: '2' });

  it('by the limits of the server, and is told not to hang until they end', async () => {
    const { baseURL, apiKey } = world();
    // It would repeat: twice, and wait as long as it is told.
    const client = new OpenAI({ baseURL, apiKey });
    for (let sent = 0; sent < 2; sent++) {
      world().script(...saying('Hi'));
      await client.chat.completions.create(hello);
    }
    const error = (await rejection(client.chat.completions.create(hello))) as APIError;
    expect(error).to.be.instanceOf(OpenAI.RateLimitError);
    expect(error).to.deep.include({ code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    expect(Number(error.headers?.get('retry-after'))).to.be.above(60);
    expect(error.headers?.get('x-should-retry')).to.equal('false');
    expect(error.headers?.get('ratelimit')).to.include('"generation";r=0');
  });
});
