import { expect } from 'chai';
import OpenAI, { type APIError } from 'openai';
import { rows } from '../../src/data/database.ts';
import { collect, MODEL, rejection, SILENCE, saying, useOneShotWorld } from '../support/one-shot-world.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { makeKey } from '../support/test-keys.ts';
import { signUp } from '../support/test-user.ts';

const { begin, text, reasoning, end, call, callReason } = openAiWire;
type Params = OpenAI.Responses.ResponseCreateParamsNonStreaming;
const hello = { model: MODEL, input: 'Hello' };
const weather = {
  type: 'function',
  name: 'weather',
  description: 'The weather of a place',
  parameters: { type: 'object', properties: { place: { type: 'string' } } },
  strict: true,
} satisfies OpenAI.Responses.FunctionTool;
const lookUp = (n: number) => ({ id: `call_${n}`, name: 'weather', pieces: ['{"place":', '"Oslo"}'] });

const refusing = (...words: string[]) => [
  begin,
  ...words.map((refusal) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { refusal } }] })}\n\n`),
  end(),
];

describe('the openai client, responses', () => {
  const world = useOneShotWorld();
  let client: OpenAI;
  before(() => {
    const { baseURL, apiKey } = world();
    client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  });
  afterEach(() => world().settled());

  const refused = async (body: object) => {
    const error = await rejection(client.responses.create({ ...hello, ...body } as Params));
    expect(error).to.be.instanceOf(OpenAI.APIError);
    return error as APIError;
  };

  it('gets an answer', async () => {
    world().script(begin, reasoning('Hm.'), text('Hi '), text('there'), end());
    const answer = await client.responses.create({ ...hello, instructions: 'Be brief.', store: true });
    expect(answer.output_text).to.equal('Hi there');
    expect(answer).to.deep.include({
      object: 'response',
      status: 'completed',
      model: MODEL,
      error: null,
      incomplete_details: null,
      store: false,
      instructions: 'Be brief.',
    });
    expect(answer.output.map(({ type }) => type)).to.deep.equal(['reasoning', 'message']);
    expect(answer.output[0]).to.deep.include({ summary: [{ type: 'summary_text', text: 'Hm.' }] });
    expect(answer.usage).to.deep.include({ input_tokens: 7, output_tokens: 3, total_tokens: 10 });
  });

  it('says everything that a model is told', async () => {
    world().script(...saying('Yes'));
    const sent = world().nextRequest();
    await client.responses.create({
      model: MODEL,
      instructions: 'Be brief.',
      input: [
        { role: 'developer', content: 'And kind.' },
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'What is this?' },
            { type: 'input_image', image_url: 'data:image/png;base64,aGk=', detail: 'low' },
          ],
        },
        { type: 'reasoning', id: 'rs_1', summary: [] },
        { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{"a":1}' },
        { type: 'function_call', call_id: 'c2', name: 'weather', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c1', output: 'Rain' },
        { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'Sun' }] },
        {
          type: 'message',
          id: 'msg_1',
          status: 'completed',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'Both.', annotations: [], logprobs: [] }],
        },
        { role: 'user', content: 'Sure?' },
      ],
      tools: [weather],
      tool_choice: { type: 'function', name: 'weather' },
      parallel_tool_calls: false,
      text: {
        format: { type: 'json_schema', name: 'answer', schema: { type: 'object' }, strict: true },
        verbosity: 'low',
      },
      reasoning: { effort: 'low', summary: 'auto' },
      temperature: 0.5,
      top_p: 0.9,
      max_output_tokens: 50,
      truncation: 'auto',
      include: ['reasoning.encrypted_content'],
      metadata: { a: 'b' },
    });
    const { body } = await sent;
    const called = (id: string, args: string) => ({
      id,
      type: 'function',
      function: { name: 'weather', arguments: args },
    });
    expect(body.messages).to.deep.equal([
      { role: 'system', content: 'Be brief.\n\nAnd kind.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=', detail: 'low' } },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [called('c1', '{"a":1}'), called('c2', '{}')] },
      { role: 'tool', tool_call_id: 'c1', content: 'Rain' },
      { role: 'tool', tool_call_id: 'c2', content: 'Sun' },
      { role: 'assistant', content: 'Both.' },
      { role: 'user', content: 'Sure?' },
    ]);
    const { type: _type, ...fn } = weather;
    expect(body).to.deep.include({
      tools: [{ type: 'function', function: fn }],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      temperature: 0.5,
      top_p: 0.9,
      reasoning_effort: 'low',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
      },
    });
  });

  it('has a model choose among some of its tools: it is told of no others', async () => {
    world().script(...saying('Yes'));
    const sent = world().nextRequest();
    const tool_choice: OpenAI.Responses.ToolChoiceAllowed = {
      type: 'allowed_tools',
      mode: 'required',
      tools: [{ type: 'function', name: 'weather' }],
    };
    const clock = { ...weather, name: 'clock' };
    const answer = await client.responses.create({ ...hello, tools: [clock, weather], tool_choice });
    const { body } = await sent;
    const { type: _type, ...fn } = weather;
    expect(body).to.deep.include({ tools: [{ type: 'function', function: fn }], tool_choice: 'required' });
    expect(answer).to.deep.include({ tools: [clock, weather], tool_choice });
    const refused = await rejection(client.responses.create({ ...hello, tools: [clock], tool_choice }));
    expect(refused).to.be.instanceOf(OpenAI.BadRequestError);
    expect((refused as APIError).message).to.include('"weather", which is none of the `tools`');
  });

  it('takes what only OpenAI has a use for', async () => {
    world().script(...saying('Yes'));
    const sent = world().nextRequest();
    await client.responses.create({
      ...hello,
      input: [
        {
          role: 'user',
          content: [{ type: 'input_image', image_url: 'https://example.com/a.png', detail: 'original' }],
        },
      ],
      tools: [{ ...weather, defer_loading: true, allowed_callers: ['direct'] }],
    });
    const { body } = await sent;
    const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'high' } };
    expect(body.messages).to.deep.equal([{ role: 'user', content: [image] }]);
    const { type: _type, ...fn } = weather;
    expect(body.tools).to.deep.equal([{ type: 'function', function: fn }]);
  });

  it('gets a stream of the events that are published, in order', async () => {
    world().script(
      begin,
      reasoning('Hm.'),
      text('Hi '),
      text('there'),
      ...call(0, lookUp(1)),
      end(callReason),
    );
    const events = await collect(await client.responses.create({ ...hello, stream: true, tools: [weather] }));
    expect(events.map(({ sequence_number }) => sequence_number)).to.deep.equal(events.map((_event, n) => n));
    const types = events.map(({ type }) => type.replace('response.', ''));
    const merged = types.filter((type, n) => type !== types[n - 1]);
    expect(merged).to.deep.equal([
      'created',
      'in_progress',
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ]);
    const last = events.at(-1);
    expect(last?.type === 'response.completed' && last.response.output.map(({ type }) => type)).to.deep.equal(
      ['reasoning', 'message', 'function_call'],
    );
  });

  it('follows a stream with its helper, which builds the same answer', async () => {
    world().script(begin, text('Hi '), SILENCE, text('there'), end('length'));
    const answer = await client.responses.stream(hello).finalResponse();
    expect(answer.output_text).to.equal('Hi there');
    expect(answer).to.deep.include({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    });
  });

  it('has its functions called, and refers to what was answered', async () => {
    world().script(begin, text('Let me see.'), ...call(0, lookUp(1)), ...call(1, lookUp(2)), end(callReason));
    const first = await client.responses.create({ ...hello, tools: [weather] });
    const calls = first.output.filter((item) => item.type === 'function_call');
    expect(calls.map(({ call_id }) => call_id)).to.deep.equal(['call_1', 'call_2']);
    world().script(...saying('Rain'));
    const sent = world().nextRequest();
    const second = await client.responses.create({
      ...hello,
      input: [
        { role: 'user', content: 'Hello' },
        ...first.output.map(({ id }) => ({ type: 'item_reference' as const, id: id ?? '' })),
        { type: 'function_call_output', call_id: 'call_1', output: 'rain' },
        { type: 'function_call_output', call_id: 'call_2', output: 'sun' },
      ],
    });
    expect(second.output_text).to.equal('Rain');
    const messages = (await sent).body.messages as {
      role: string;
      content: string;
      tool_calls: { id: string }[];
    }[];
    expect(messages.map(({ role }) => role)).to.deep.equal(['user', 'assistant', 'tool', 'tool']);
    expect(messages[1]?.content).to.equal('Let me see.');
    expect(messages[1]?.tool_calls.map(({ id }) => id)).to.deep.equal(['call_1', 'call_2']);
  });

  it('tells a call once, however often it is referred to', async () => {
    const long = { ...lookUp(1), pieces: [`{"place":"${'a '.repeat(10_000)}"}`] };
    world().script(begin, ...call(0, long), end(callReason));
    const first = await client.responses.create({ ...hello, tools: [weather] });
    const ids = [0, '00', '000'].map((index) => first.output[0]?.id?.replace(/0$/, String(index)) ?? '');
    world().script(...saying('Rain'));
    const sent = world().nextRequest();
    await client.responses.create({
      ...hello,
      input: [
        { role: 'user', content: 'Hello' },
        ...Array.from({ length: 300 }, (_, at) => ({
          type: 'item_reference' as const,
          id: ids[at % 3] ?? '',
        })),
        { type: 'function_call_output', call_id: 'call_1', output: 'rain' },
      ],
    });
    const messages = (await sent).body.messages as { tool_calls?: { id: string }[] }[];
    expect(messages[1]?.tool_calls?.map(({ id }) => id)).to.deep.equal(['call_1']);
  });

  it('is told words of refusal as such, not as the JSON that it wants', async () => {
    world().script(...refusing('I ', 'cannot.'));
    const answer = await client.responses.parse({
      ...hello,
      text: { format: { type: 'json_schema', name: 'a', schema: { type: 'object' } } },
    });
    expect(answer).to.deep.include({ status: 'completed', output_parsed: null, output_text: '' });
    expect(answer.output).to.have.lengthOf(1);
    expect(answer.output[0]).to.deep.include({ content: [{ type: 'refusal', refusal: 'I cannot.' }] });
  });

  it('is told which call is not whole where the answer was cut off', async () => {
    const cut = { ...lookUp(2), pieces: ['{"place": "Os'] };
    const steps = [begin, ...call(0, lookUp(1)), ...call(1, cut), end('length')];
    world().script(...steps);
    const waited = await client.responses.create({ ...hello, tools: [weather] });
    world().script(...steps);
    const events = await collect(await client.responses.create({ ...hello, tools: [weather], stream: true }));
    const last = events.at(-1);
    const streamed = last?.type === 'response.incomplete' ? last.response : undefined;
    for (const answer of [waited, streamed]) {
      expect(answer?.status).to.equal('incomplete');
      const told = answer?.output.map((item) => item.type === 'function_call' && [item.call_id, item.status]);
      expect(told).to.deep.equal([
        ['call_1', 'completed'],
        ['call_2', 'incomplete'],
      ]);
    }
    const done = events.flatMap((each) => (each.type === 'response.output_item.done' ? [each.item] : []));
    expect(done).to.deep.equal(streamed?.output);
  });

  it('refers to a text that thoughts have split, and tells it once', async () => {
    world().script(
      begin,
      text('Let me check.'),
      SILENCE,
      reasoning('Hm.'),
      SILENCE,
      text(' It is 4.'),
      ...call(0, lookUp(1)),
      end(callReason),
    );
    const events = await collect(await client.responses.create({ ...hello, stream: true, tools: [weather] }));
    const last = events.at(-1);
    const output = last?.type === 'response.completed' ? last.response.output : [];
    expect(output.map(({ type }) => type)).to.deep.equal([
      'message',
      'reasoning',
      'message',
      'function_call',
    ]);
    world().script(...saying('Yes'));
    const sent = world().nextRequest();
    await client.responses.create({
      ...hello,
      input: [
        { role: 'user', content: 'Hello' },
        ...output.map(({ id }) => ({ type: 'item_reference' as const, id: id ?? '' })),
        { type: 'function_call_output', call_id: 'call_1', output: 'rain' },
      ],
    });
    const { messages } = (await sent).body as { messages: { content: string; tool_calls?: object[] }[] };
    expect(messages.map(({ content }) => content)).to.deep.equal(['Hello', 'Let me check. It is 4.', 'rain']);
    expect(messages[1]?.tool_calls).to.have.lengthOf(1);
  });

  it('refers to nothing that is not there, or is of somebody else', async () => {
    world().script(...saying('Hi'));
    const { output } = await client.responses.create(hello);
    const item = { type: 'item_reference', id: output[0]?.id };
    const input = [item, { role: 'user', content: 'And?' }];
    const { app, baseURL, database } = world();
    const other = await signUp(app);
    const { key } = await makeKey(app, other, { scopes: ['text'] });
    const theirs = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
    const stranger = (await rejection(theirs.responses.create({ ...hello, input } as Params))) as APIError;
    expect(stranger).to.deep.include({ status: 404, param: 'input[0].id' });
    for (const id of ['msg_123', 'x']) {
      expect(await refused({ input: [{ ...item, id }] })).to.deep.include({
        status: 404,
        param: 'input[0].id',
      });
    }
    // An hour later.
    await rows(database.db, `DELETE FROM sessions WHERE kind = 'call'`);
    expect(await refused({ input })).to.deep.include({ status: 404, code: 'not_found' });
    await rows(database.db, 'TRUNCATE usage_days');
    await rows(database.db, 'TRUNCATE generations CASCADE');
    await rows(database.db, `UPDATE ledger_entries SET generation_id = NULL`);
  });

  it('is told of a stream that breaks off', async () => {
    world().script(begin, text('Hi '), 'reset');
    const events = await collect(await client.responses.create({ ...hello, stream: true }));
    const last = events.at(-1);
    expect(last?.type).to.equal('response.failed');
    if (last?.type !== 'response.failed') return;
    expect(last.response.error?.code).to.equal('server_error');
    expect(last.response.output[0]).to.deep.include({ type: 'message', status: 'incomplete' });
  });

  const REFUSED: [what: string, body: object, param: string][] = [
    ['a conversation that is kept', { previous_response_id: 'resp_1' }, 'previous_response_id'],
    ['a conversation by its id', { conversation: 'conv_1' }, 'conversation'],
    ['work in the background', { background: true }, 'background'],
    ['a stored prompt', { prompt: { id: 'p' } }, 'prompt'],
    ['a built-in tool', { tools: [{ type: 'web_search' }] }, 'tools[0].type'],
    ['a call of no tool', { tool_choice: 'required' }, 'tool_choice'],
    [
      'a call of a tool that there is not',
      { tools: [weather], tool_choice: { type: 'function', name: 'g' } },
      'tool_choice',
    ],
    ['a tool twice', { tools: [weather, weather] }, 'tools'],
    [
      'a file',
      { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] },
      'input[0].content[0].type',
    ],
    ['a kind of item that is none', { input: [{ type: 'computer_call' }] }, 'input[0].type'],
    ['nothing', { input: [] }, 'input'],
    ['an unknown field', { wat: 1 }, 'wat'],
    [
      'more than the model writes',
      { model: 'openai/gpt-4', max_output_tokens: 100_000 },
      'max_output_tokens',
    ],
  ];
  for (const [what, body, param] of REFUSED) {
    it(`refuses ${what} by name`, async () => {
      expect(await refused(body)).to.deep.include({ status: 400, param, type: 'invalid_request_error' });
    });
  }
});
