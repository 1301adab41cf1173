import { expect } from 'chai';
import OpenAI, { type APIError } from 'openai';
import { collect, MODEL, rejection, SILENCE, saying, useOneShotWorld } from '../support/one-shot-world.ts';
import { openAiWire } from '../support/provider-wires.ts';

const { begin, text, reasoning, end, call, callReason } = openAiWire;
const hello = {
  model: MODEL,
  messages: [{ role: 'user', content: 'Hello' }],
} satisfies Partial<OpenAI.ChatCompletionCreateParams>;
const weather = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather of a place',
    parameters: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
    strict: true,
  },
} satisfies OpenAI.ChatCompletionTool;
const lookUp = { id: 'call_1', name: 'weather', pieces: ['{"place":', '"Oslo"}'] };

const refusing = (...words: string[]) => [
  begin,
  ...words.map((refusal) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { refusal } }] })}\n\n`),
  end(),
];

describe('the openai client, chat completions', () => {
  const world = useOneShotWorld();
  let client: OpenAI;
  before(() => {
    const { baseURL, apiKey } = world();
    client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  });
  afterEach(() => world().settled());

  it('gets an answer', async () => {
    world().script(begin, reasoning('Hm. '), text('Hi '), text('there'), end());
    const { data: answer, response, request_id } = await client.chat.completions.create(hello).withResponse();
    expect(answer).to.deep.include({ object: 'chat.completion', model: MODEL });
    expect(answer.id).to.match(/^chatcmpl-[0-9a-f-]{36}$/);
    expect(answer.created).to.be.closeTo(Date.now() / 1000, 60);
    expect(answer.choices).to.deep.equal([
      {
        index: 0,
        message: { role: 'assistant', content: 'Hi there', refusal: null, reasoning_content: 'Hm. ' },
        logprobs: null,
        finish_reason: 'stop',
      },
    ]);
    expect(answer.usage).to.deep.equal({
      prompt_tokens: 7,
      completion_tokens: 3,
      total_tokens: 10,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    });
    expect(request_id).to.equal(response.headers.get('x-request-id'));
    expect(response.headers.get('ratelimit')).to.equal(null);
  });

  it('reaches a model by its bare name, as it does elsewhere', async () => {
    world().script(...saying('Hi'));
    const answer = await client.chat.completions.create({ ...hello, model: 'gpt-4.1-mini' });
    expect(answer.model).to.equal(MODEL);
  });

  it('gets a stream, with its usage where it asks for it', async () => {
    world().script(begin, reasoning('Hm. '), text('Hi '), SILENCE, text('there'), end('length'));
    const stream = await client.chat.completions.create({
      ...hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    expect(new Set(chunks.map(({ id, object, model }) => [id, object, model].join())).size).to.equal(1);
    const deltas = chunks.flatMap(({ choices }) =>
      choices.map(({ delta }) => delta as Record<string, string>),
    );
    expect(deltas[0]).to.deep.equal({ role: 'assistant', content: '' });
    expect(deltas.map(({ content = '' }) => content).join('')).to.equal('Hi there');
    expect(deltas.map(({ reasoning_content = '' }) => reasoning_content).join('')).to.equal('Hm. ');
    expect(chunks.at(-2)?.choices[0]).to.deep.include({ delta: {}, finish_reason: 'length' });
    expect(chunks.at(-1)).to.deep.include({ choices: [] });
    expect(chunks.at(-1)?.usage).to.deep.include({ prompt_tokens: 7, completion_tokens: 3 });
    expect(chunks.slice(0, -1).map(({ usage }) => usage)).to.deep.equal(chunks.slice(0, -1).map(() => null));
  });

  it('gets no usage in a stream for which it does not ask', async () => {
    world().script(...saying('Hi'));
    const chunks = await collect(await client.chat.completions.create({ ...hello, stream: true }));
    expect(chunks.filter((chunk) => 'usage' in chunk)).to.deep.equal([]);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).to.equal('stop');
  });

  it('follows a stream with its helper', async () => {
    world().script(...saying('Hi ', 'there'));
    const stream = client.chat.completions.stream(hello);
    expect(await stream.finalContent()).to.equal('Hi there');
    expect((await stream.finalChatCompletion()).choices[0]?.finish_reason).to.equal('stop');
  });

  it('says everything that a model is told', async () => {
    world().script(...saying('Yes'));
    const sent = world().nextRequest();
    await client.chat.completions.create({
      model: MODEL,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'developer', content: [{ type: 'text', text: 'And kind.' }] },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=', detail: 'low' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'Rain' },
      ],
      tools: [weather],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
      },
      temperature: 0.5,
      top_p: 0.9,
      max_completion_tokens: 50,
      stop: 'END',
      seed: 7,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      reasoning_effort: 'low',
      n: 1,
      logprobs: false,
      user: 'me',
      metadata: { a: 'b' },
      store: true,
      service_tier: 'auto',
      safety_identifier: 'x',
      prompt_cache_key: 'y',
      verbosity: 'low',
    });
    const { body } = await sent;
    expect(body.messages).to.deep.equal([
      { role: 'system', content: 'Be brief.\n\nAnd kind.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=', detail: 'low' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'Rain' },
    ]);
    expect(body).to.deep.include({
      tools: [weather],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['END'],
      seed: 7,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      reasoning_effort: 'low',
    });
    expect(body.response_format).to.deep.equal({
      type: 'json_schema',
      json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
    });
    expect([body.max_completion_tokens, body.max_tokens]).to.include(50);
    expect(body).not.to.have.any.keys('user', 'metadata', 'store', 'service_tier', 'verbosity');
  });

  it('has a model think as hard as it can', async () => {
    world().script(...saying('Yes'));
    const sent = world().nextRequest();
    await client.chat.completions.create({ ...hello, reasoning_effort: 'max' });
    expect((await sent).body.reasoning_effort).to.equal('max');
  });

  it('has a model choose among some of its tools: it is told of no others', async () => {
    const clock = { type: 'function' as const, function: { name: 'clock' } };
    const asked = { ...hello, tools: [weather, clock] };
    const among = (mode: 'auto' | 'required', ...names: string[]): OpenAI.ChatCompletionToolChoiceOption => ({
      type: 'allowed_tools',
      allowed_tools: { mode, tools: names.map((name) => ({ type: 'function', function: { name } })) },
    });
    for (const mode of ['auto', 'required'] as const) {
      world().script(...saying('Yes'));
      const sent = world().nextRequest();
      await client.chat.completions.create({ ...asked, tool_choice: among(mode, 'clock') });
      expect((await sent).body).to.deep.include({ tools: [clock], tool_choice: mode });
    }
    for (const tool_choice of [among('auto'), among('auto', 'none')]) {
      const refused = await rejection(client.chat.completions.create({ ...asked, tool_choice }));
      expect(refused).to.be.instanceOf(OpenAI.BadRequestError);
      expect((refused as APIError).param).to.match(/^tool_choice/);
    }
  });

  it('is asked to call, and tells what came of it', async () => {
    world().script(begin, ...call(0, lookUp), end(callReason));
    const first = await client.chat.completions.create({ ...hello, tools: [weather] });
    const { message, finish_reason } = first.choices[0] ?? {};
    expect(finish_reason).to.equal('tool_calls');
    expect(message).to.deep.equal({
      role: 'assistant',
      content: null,
      refusal: null,
      tool_calls: [
        { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"place":"Oslo"}' } },
      ],
    });
    world().script(...saying('Rain'));
    const second = await client.chat.completions.create({
      ...hello,
      messages: [
        ...hello.messages,
        message as OpenAI.ChatCompletionMessage,
        { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
      ],
      tools: [weather],
    });
    expect(second.choices[0]?.message.content).to.equal('Rain');
  });

  it('is told words of refusal as such, not as the JSON that it wants, and tells them again', async () => {
    world().script(...refusing('I ', 'cannot.'));
    const first = await client.chat.completions.parse({
      ...hello,
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } },
    });
    const { message, finish_reason } = first.choices[0] ?? {};
    expect(message).to.deep.include({ content: null, refusal: 'I cannot.', parsed: null });
    expect(finish_reason).to.equal('stop');
    world().script(...saying('Really'));
    const sent = world().nextRequest();
    await client.chat.completions.create({
      ...hello,
      messages: [
        ...hello.messages,
        message as OpenAI.ChatCompletionMessage,
        { role: 'user', content: 'Really?' },
      ],
    });
    expect((await sent).body.messages).to.deep.include({ role: 'assistant', content: 'I cannot.' });
  });

  it('is told words of refusal as text in a stream', async () => {
    world().script(...refusing('I ', 'cannot.'));
    const chunks = await collect(await client.chat.completions.create({ ...hello, stream: true }));
    const said = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    expect([said, chunks.at(-1)?.choices[0]?.finish_reason]).to.deep.equal(['I cannot.', 'stop']);
  });

  it('sends the id of a call back, however long what a provider wants back has made it', async () => {
    const id = `call_1__thought__${'a'.repeat(100_000)}`;
    world().script(begin, ...call(0, { ...lookUp, id }), end(callReason));
    const first = await client.chat.completions.create({ ...hello, tools: [weather] });
    const message = first.choices[0]?.message as OpenAI.ChatCompletionMessage;
    expect(message.tool_calls?.map((each) => each.id)).to.deep.equal([id]);
    world().script(...saying('Rain'));
    const second = await client.chat.completions.create({
      ...hello,
      messages: [...hello.messages, message, { role: 'tool', tool_call_id: id, content: 'rain' }],
      tools: [weather],
    });
    expect(second.choices[0]?.message.content).to.equal('Rain');
  });

  it('runs its tools by its helper, streamed', async () => {
    world().script(begin, ...call(0, lookUp), end(callReason));
    world().script(...saying('It ', 'rains'));
    const places: unknown[] = [];
    const runner = client.chat.completions.runTools({
      ...hello,
      stream: true,
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            description: 'The weather',
            parameters: { type: 'object', properties: { place: { type: 'string' } } },
            parse: JSON.parse,
            function: (given: unknown) => {
              places.push(given);
              return 'rain';
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).to.equal('It rains');
    expect(places).to.deep.equal([{ place: 'Oslo' }]);
  });

  it('lists the models, and gets one', async () => {
    const models = await collect(client.models.list());
    expect(models.map(({ id }) => id)).to.include.members([MODEL, 'echo']);
    expect(models.filter(({ owned_by }) => !['openai', 'echo'].includes(owned_by))).to.deep.equal([]);
    const model = await client.models.retrieve(MODEL);
    expect(model).to.deep.equal(models.find(({ id }) => id === MODEL));
    expect(model).to.deep.include({ object: 'model', owned_by: 'openai' });
    const error = (await rejection(client.models.retrieve('openai/none'))) as APIError;
    expect(error).to.be.instanceOf(OpenAI.NotFoundError);
    expect(error.code).to.equal('model_not_found');
  });
});
