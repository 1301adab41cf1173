import Anthropic from '@anthropic-ai/sdk';
import { expect } from 'chai';
import OpenAI from 'openai';
import type { GeneratedText } from '../../src/contracts/routes/text.ts';
import { MODEL, rejection, useOneShotWorld } from '../support/one-shot-world.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { makeKey } from '../support/test-keys.ts';

const { begin, text, reasoning } = openAiWire;
const messages = [{ role: 'user' as const, content: 'Hello' }];
const hello = { model: MODEL, messages };

describe('a one-shot call whose model only thought, and broke off', () => {
  const world = useOneShotWorld();
  beforeEach(() => world().script(begin, reasoning('Let me think.'), 'reset'));
  afterEach(() => world().settled());

  // With the repeats that they make of what fails.
  const openai = () => new OpenAI({ baseURL: world().baseURL, apiKey: world().apiKey });
  /** Asks, and checks that it is one call and one charge. */
  const once = async <T>(asking: () => PromiseLike<T>): Promise<T> => {
    const before = await world().charges();
    const answer = await asking();
    expect(world().provider.requests).to.have.lengthOf(1);
    expect(await world().charges()).to.equal(before + 1);
    return answer;
  };

  it('is answered with what there is, as it is paid for: chat completions', async () => {
    const answer = await once(() => openai().chat.completions.create(hello));
    expect(answer.choices[0]).to.deep.include({ finish_reason: 'length' });
    expect(answer.choices[0]?.message).to.deep.include({ content: '', reasoning_content: 'Let me think.' });
  });

  it('... responses', async () => {
    const answer = await once(() => openai().responses.create({ model: MODEL, input: 'Hello' }));
    expect(answer).to.deep.include({ status: 'incomplete', output_text: '' });
    expect(answer.output[0]).to.deep.include({
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: 'Let me think.' }],
    });
  });

  it('... messages', async () => {
    const client = new Anthropic({ baseURL: world().app.url, apiKey: world().apiKey });
    const answer = await once(() => client.messages.create({ ...hello, max_tokens: 50 }));
    expect(answer.stop_reason).to.equal('max_tokens');
    expect(answer.content).to.deep.equal([{ type: 'thinking', thinking: 'Let me think.', signature: '' }]);
  });

  it('... and a stream tells it before the failure, also to whoever comes when it has ended', async () => {
    const options = { headers: { 'idempotency-key': crypto.randomUUID() } };
    const ask = () => openai().chat.completions.create({ ...hello, stream: true }, options);
    await once(async () => {
      for (const stream of [await ask(), await ask()]) {
        const { heard, error } = await broken(stream);
        expect(heard).to.include('Let me think.');
        expect(error).to.be.instanceOf(OpenAI.APIError).and.to.deep.include({ code: 'provider_failed' });
      }
    });
  });

  it('... and the text API, which says why there is no text', async () => {
    const { user, app } = world();
    const asked = { model: MODEL, prompt: 'Hello' };
    const answer = await once(() => user.at(app).post<GeneratedText>('/v1/generate', asked));
    expect(answer).to.deep.include({ text: '', finishReason: 'error' });
    expect(answer.error?.code).to.equal('interrupted');
    expect(answer.credits).to.be.above(0);
  });
});

/** What the stream of a client throws, and what was heard before; fails when it ends as if it were whole. */
async function broken(stream: AsyncIterable<unknown>): Promise<{ heard: string; error: unknown }> {
  let heard = '';
  const error = await rejection(
    (async () => {
      for await (const event of stream) heard += JSON.stringify(event);
    })(),
  );
  return { heard, error };
}

describe('a stream under /v1 that is cut off from outside', () => {
  const world = useOneShotWorld();
  afterEach(() => world().settled());

  /** A key, and what revokes it once the model writes. */
  const revocable = async () => {
    const { app, user } = world();
    const { id, key } = await makeKey(app, user, { scopes: ['text'] });
    world().script(begin, text('Hi there'), 'stall');
    return { key, revoke: () => user.at(app).delete(`/user/api-keys/${id}`) };
  };
  /** Cuts it once its first event was read. */
  async function* thenCut<T>(stream: AsyncIterable<T>, cut: () => Promise<unknown>) {
    let isCut = false;
    for await (const event of stream) {
      yield event;
      if (isCut || !JSON.stringify(event).includes('Hi there')) continue;
      isCut = true;
      await cut();
    }
  }

  it('throws in the openai client, chat completions', async () => {
    const { key, revoke } = await revocable();
    const client = new OpenAI({ baseURL: world().baseURL, apiKey: key, maxRetries: 0 });
    const stream = await client.chat.completions.create({ ...hello, stream: true });
    const { heard, error } = await broken(thenCut(stream, revoke));
    expect(heard).to.include('Hi there');
    expect(error).to.be.instanceOf(OpenAI.APIError).and.to.deep.include({ code: 'not_ready' });
  });

  it('is failed in the openai client, responses', async () => {
    const { key, revoke } = await revocable();
    const client = new OpenAI({ baseURL: world().baseURL, apiKey: key, maxRetries: 0 });
    const stream = await client.responses.create({ model: MODEL, input: 'Hello', stream: true });
    const types: string[] = [];
    for await (const { type } of thenCut(stream, revoke)) types.push(type);
    expect(types).to.include('response.output_text.delta');
    expect(types.at(-1)).to.equal('response.failed');
  });

  it('throws in the Anthropic client', async () => {
    const { key, revoke } = await revocable();
    const client = new Anthropic({ baseURL: world().app.url, apiKey: key, maxRetries: 0 });
    const stream = await client.messages.create({ ...hello, max_tokens: 50, stream: true });
    const { heard, error } = await broken(thenCut(stream, revoke));
    expect(heard).to.include('Hi there');
    expect(error).to.be.instanceOf(Anthropic.APIError);
  });

  it('breaks off in the text API: an EventSource comes back by itself, which it would not after an error', async () => {
    const { key, revoke } = await revocable();
    const response = await fetch(`${world().app.url}/v1/stream`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, prompt: 'Hello' }),
    });
    const pieces = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream());
    const { heard } = await broken(thenCut(pieces, revoke));
    expect(heard).to.include('Hi there').and.not.include('event: error').and.not.include('event: done');
  });
});

describe('a stream under /v1 of a web process that stops', () => {
  const world = useOneShotWorld();

  it('throws in the openai client', async () => {
    const { app, baseURL, apiKey } = world();
    world().script(begin, text('Hi there'), 'stall');
    const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
    const stream = await client.chat.completions.create({ ...hello, stream: true });
    let closing: Promise<void> | undefined;
    const { error } = await broken(
      (async function* () {
        for await (const chunk of stream) {
          yield chunk;
          if (chunk.choices[0]?.delta.content) closing ??= app.close();
        }
      })(),
    );
    expect(error).to.be.instanceOf(OpenAI.APIError).and.to.deep.include({ code: 'not_ready' });
    await closing;
  }).timeout(30_000);
});
