import { expect } from 'chai';
import fc from 'fast-check';
import { useOneShotWorld } from '../support/one-shot-world.ts';
import { refusalCode } from '../support/refusal-code.ts';

/** Routes, with the fields that get furthest. */
const ROUTES: Record<string, Record<string, unknown>> = {
  '/v1/generate': { model: 'echo', prompt: 'Hi', systemPrompt: 'x', temperature: 1, topP: 1, maxTokens: 5 },
  '/v1/stream': { model: 'echo', prompt: 'Hi', systemPrompt: 'x', temperature: 1, topP: 1, maxTokens: 5 },
  '/v1/chat/completions': {
    model: 'echo',
    messages: [
      { role: 'system', content: 'x' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Hi' },
          { type: 'image_url', image_url: { url: 'https://a/b' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{' } }],
      },
      { role: 'tool', tool_call_id: 'a', content: 'x' },
    ],
    stream: true,
    stream_options: { include_usage: true },
    tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema: {} } },
    stop: ['a'],
    n: 1,
    temperature: 0,
    max_tokens: 5,
    metadata: {},
  },
  '/v1/responses': {
    model: 'echo',
    input: [
      { role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      { type: 'function_call', call_id: 'a', name: 'f', arguments: '' },
      { type: 'function_call_output', call_id: 'a', output: 'x' },
      { type: 'item_reference', id: 'msg_0190a0a0-0000-7000-8000-000000000000_0' },
    ],
    stream: true,
    instructions: 'x',
    tools: [{ type: 'function', name: 'f', parameters: {} }],
    text: { format: { type: 'json_object' } },
    reasoning: { effort: 'low' },
  },
  '/v1/messages': {
    model: 'echo',
    max_tokens: 5,
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'x' }] },
    ],
    system: 'x',
    stream: true,
    tools: [{ name: 'f', input_schema: { type: 'object' } }],
    tool_choice: { type: 'any' },
    top_k: 1,
  },
  '/v1/messages/count_tokens': { model: 'echo', messages: [{ role: 'user', content: 'Hi' }] },
};

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '',
    '\0',
    '\ud800',
    '__proto__',
    'echo',
    'user',
    'text',
    '<|endoftext|>',
    'data:image/png;base64,',
  ),
);
const anyValue = fc.oneof(
  anyText,
  fc.jsonValue({ depthSize: 'small' }),
  fc.constantFrom(null, -1, 1e308, true),
);

/** A body with some value somewhere put in the place of what was there, or left out, or beside it. */
const changed = (body: Record<string, unknown>) =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.nat(), anyValue, fc.constantFrom('put', 'drop', 'add')), {
        minLength: 1,
        maxLength: 3,
      }),
    )
    .map(([changes]) => {
      const copy = structuredClone(body);
      for (const [at, value, how] of changes) {
        const places = placesOf(copy);
        const [holder, key] = places[at % places.length] ?? [copy, 'model'];
        if (how === 'drop') delete holder[key];
        else holder[how === 'add' ? `${key}_x` : key] = value;
      }
      return copy;
    });

function placesOf(value: object): [holder: Record<string, unknown>, key: string][] {
  const holder = value as Record<string, unknown>;
  return Object.entries(holder).flatMap(([key, each]) => [
    [holder, key] as [Record<string, unknown>, string],
    ...(typeof each === 'object' && each !== null ? placesOf(each) : []),
  ]);
}

describe('whatever is asked of one-shot calls', function () {
  this.timeout(60_000);
  const world = useOneShotWorld({ ECHO_TOKENS_PER_SECOND: '100000' });

  const post = (path: string, body: string | Uint8Array) =>
    fetch(world().app.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${world().apiKey}`, 'content-type': 'application/json' },
      body,
    });

  /** An answer, or a refusal in the words of the route: never a failure. */
  async function expectAnswered(answer: Response): Promise<void> {
    const text = await answer.text();
    expect(answer.status, text).to.be.within(200, 499);
    if (answer.ok) expect(text).to.not.include('internal');
    else expect(refusalCode(answer, text), text).to.be.a('string').and.not.equal('');
    expect(text).to.not.match(/node_modules|at .*\.ts:/);
  }

  for (const [path, body] of Object.entries(ROUTES)) {
    it(`is answered as JSON at ${path}`, async () => {
      await expectAnswered(await post(path, JSON.stringify(body)));
      await fc.assert(
        fc.asyncProperty(
          fc.oneof({ weight: 9, arbitrary: changed(body) }, { weight: 1, arbitrary: anyValue }),
          async (value) => expectAnswered(await post(path, JSON.stringify(value))),
        ),
        { numRuns: 150 },
      );
    });

    it(`is answered as bytes at ${path}`, async () => {
      const bytes = fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => {
        const json = Buffer.from(JSON.stringify(body));
        json[at % json.length] = byte;
        return json;
      });
      await fc.assert(
        fc.asyncProperty(bytes, async (value) => expectAnswered(await post(path, value))),
        { numRuns: 40 },
      );
    });

    it(`is refused when it is too much at ${path}`, async () => {
      const large = await post(path, JSON.stringify({ ...body, prompt: 'x'.repeat(10_000_000) }));
      expect(large.status).to.equal(413);
      await expectAnswered(large);
      const nested = await post(
        path,
        `{"model":"echo","tools":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      );
      expect(nested.status).to.equal(400);
      await expectAnswered(nested);
    });
  }

  it('is answered in queries', async () => {
    const query = fc.dictionary(
      fc.constantFrom(
        'model',
        'prompt',
        'maxTokens',
        'temperature',
        'topP',
        'clientMessageId',
        'ticket',
        'x',
      ),
      anyText.map((each) => each.toWellFormed()),
    );
    await fc.assert(
      fc.asyncProperty(query, anyText, async (asked, position) => {
        const parameters = new URLSearchParams({ model: 'echo', prompt: 'Hi', ...asked });
        const id = position.replace(/[^\x20-\x7e]/g, '');
        const headers = { authorization: `Bearer ${world().apiKey}`, 'last-event-id': id };
        await expectAnswered(await fetch(`${world().app.url}/v1/stream?${parameters}`, { headers }));
        const model = encodeURIComponent(asked.model ?? 'x') || 'x';
        await expectAnswered(await fetch(`${world().app.url}/v1/models/${model}`, { headers }));
      }),
      { numRuns: 100 },
    );
  });

  it('leaves nothing open, and charges once', () => world().settled());
});
