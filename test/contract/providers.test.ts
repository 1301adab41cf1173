import { expect } from 'chai';
import { loadConfig } from '../../src/base/config.ts';
import { createAnthropicProvider } from '../../src/providers/anthropic.ts';
import { createEchoProvider } from '../../src/providers/echo.ts';
import { type Deadlines, guardProvider } from '../../src/providers/guard-provider.ts';
import { createOpenAiProvider, tokenLimitName } from '../../src/providers/openai.ts';
import type { ChatTurn, Provider, ProviderEvent, ProviderRequest } from '../../src/providers/provider.ts';
import { createProviders } from '../../src/providers/registry.ts';
import {
  type ProviderWireServer,
  type Step,
  startProviderWireServer,
} from '../support/provider-wire-server.ts';
import { anthropicWire, openAiWire, type Wire } from '../support/provider-wires.ts';

const KEY = 'sk-test-very-secret-key';
const PATIENT: Deadlines = { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 60_000 };

/** How a provider is made to say something. */
interface Subject {
  name: string;
  provider(deadlines?: Deadlines): Provider;
  /** Prepares an answer of these chunks; gives the request that gets it. */
  saying(chunks: string[]): ProviderRequest;
  /** Prepares an answer that says `first` and is then silent without an end. */
  sayingThenSilent(first: string): ProviderRequest;
}

let server: ProviderWireServer;

before(async function () {
  // The adapters load their SDKs on first use; on a busy machine that takes longer than a test may.
  this.timeout(60_000);
  await Promise.all([import('openai'), import('@anthropic-ai/sdk')]);
  server = await startProviderWireServer();
});
after(() => server.close());
afterEach(() => server.clear());

function ask(content: string): ProviderRequest {
  return { model: 'some-model', turns: [{ role: 'user', content }] };
}

const echo: Subject = {
  name: 'echo',
  provider: (deadlines = PATIENT) => guardProvider(createEchoProvider({ tokensPerSecond: 1000 }), deadlines),
  saying: (chunks) => ask(chunks.join('')),
  // At 1,000 words a second this goes on for minutes.
  sayingThenSilent: (first) => ask(`${first} ${'word '.repeat(100_000)}`),
};

function onWire(wire: Wire): Subject & { wire: Wire } {
  const script = (steps: Step[], content = 'Hello'): ProviderRequest => {
    server.answer({ steps });
    return ask(content);
  };
  return {
    name: wire.name,
    wire,
    provider: (deadlines = PATIENT) => guardProvider(adapter(wire), deadlines),
    saying: (chunks) => script([wire.begin, ...chunks.map(wire.text), wire.end()]),
    sayingThenSilent: (first) => script([wire.begin, wire.text(first), 'stall']),
  };
}

function adapter({ name }: Wire): Provider {
  return name === 'openai'
    ? createOpenAiProvider({ name, apiKey: KEY, baseURL: `${server.url}/v1` })
    : createAnthropicProvider({ apiKey: KEY, baseURL: server.url });
}

const openai = onWire(openAiWire);
const anthropic = onWire(anthropicWire);

async function collect(
  provider: Provider,
  request: ProviderRequest,
  signal = new AbortController().signal,
): Promise<ProviderEvent[]> {
  const events: ProviderEvent[] = [];
  for await (const event of provider.stream(request, signal)) events.push(event);
  return events;
}

function textOf(events: ProviderEvent[], type: 'text' | 'reasoning' = 'text'): string {
  return events.map((event) => (event.type === type ? event.text : '')).join('');
}

function errorOf(events: ProviderEvent[]) {
  const last = events.at(-1);
  if (last?.type !== 'error') throw new Error(`the stream ended with ${last?.type}, not with an error`);
  return last.error;
}

function expectGrammar(events: ProviderEvent[]): void {
  const types = events.map((event) => event.type);
  expect(types[0]).to.equal('start');
  expect(types.filter((type) => type === 'start')).to.have.length(1);
  expect(types.filter((type) => type === 'finish' || type === 'error')).to.have.length(1);
  expect(types.at(-1)).to.be.oneOf(['finish', 'error']);
  for (const event of events) {
    if (event.type !== 'text' && event.type !== 'reasoning') continue;
    expect(event.text).to.not.equal('');
    expect(event.text).to.not.include('\0');
    expect(event.text.isWellFormed()).to.equal(true);
  }
}

/** Reads until the first text; gives the iterator where it stands. */
async function readToFirstText(provider: Provider, request: ProviderRequest, signal: AbortSignal) {
  const iterator = provider.stream(request, signal)[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await iterator.next();
    if (done) throw new Error('the stream ended before its first text');
    if (value.type === 'text') return iterator;
  }
}

for (const subject of [echo, openai, anthropic]) {
  describe(`provider ${subject.name}`, () => {
    it('gives start, the text in order, usage and finish', async () => {
      const events = await collect(subject.provider(), subject.saying(['Hello ', 'wide ', 'world']));
      expectGrammar(events);
      expect(textOf(events)).to.equal('Hello wide world');
      expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
      expect(events.some((event) => event.type === 'usage')).to.equal(true);
    });

    it('keeps every character, whatever its width', async () => {
      const chunks = ['naïve ', '日本語\n', '👩‍👩‍👧 ', 'a\u2028b\r\nc ', '  "q\\uote" '];
      const events = await collect(subject.provider(), subject.saying(chunks));
      expectGrammar(events);
      expect(textOf(events)).to.equal(chunks.join(''));
    });

    it('joins a surrogate pair that came in two deltas', async () => {
      const events = await collect(subject.provider(), subject.saying(['a \uD83D', '\uDE00 b']));
      expectGrammar(events);
      expect(textOf(events)).to.equal('a 😀 b');
    });

    it('replaces NUL and lone surrogates, also one at the very end', async () => {
      const events = await collect(
        subject.provider(),
        subject.saying(['a\0b \uDE00', 'c \uD83D', 'd \uD83D']),
      );
      expectGrammar(events);
      expect(textOf(events)).to.equal('a\uFFFDb \uFFFDc \uFFFDd \uFFFD');
      expect(events.at(-1)?.type).to.equal('finish');
    });

    it('ends at once and without an event when the caller aborts', async () => {
      const caller = new AbortController();
      const request = subject.sayingThenSilent('one');
      const iterator = await readToFirstText(subject.provider(), request, caller.signal);
      const pending = readToEnd(iterator);
      caller.abort();
      for (const event of await pending) expect(event.type).to.equal('text');
      expect(await iterator.next()).to.deep.equal({ done: true, value: undefined });
    });

    it('drops what was not read yet when the caller aborts', async () => {
      const caller = new AbortController();
      const iterator = await readToFirstText(
        subject.provider(),
        subject.saying(['one ', 'two']),
        caller.signal,
      );
      caller.abort();
      expect(await iterator.next()).to.deep.equal({ done: true, value: undefined });
    });

    it('gives nothing at all to a caller that has already aborted', async () => {
      const events = await collect(subject.provider(), subject.saying(['never']), AbortSignal.abort());
      expect(events).to.deep.equal([]);
      expect(server.requests).to.deep.equal([]);
    });

    it('runs many streams at once without mixing them', async () => {
      const provider = subject.provider();
      const texts = Array.from({ length: 20 }, (_, n) => `stream ${n} says ${n}`);
      const all = await Promise.all(texts.map(async (text) => collect(provider, subject.saying([text]))));
      for (const events of all) expectGrammar(events);
      expect(all.map((events) => textOf(events)).sort()).to.deep.equal([...texts].sort());
    });
  });
}

async function readToEnd(iterator: AsyncIterator<ProviderEvent>): Promise<ProviderEvent[]> {
  const events: ProviderEvent[] = [];
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) events.push(next.value);
  return events;
}

for (const subject of [openai, anthropic]) {
  const { wire } = subject;
  const begun = [wire.begin, wire.text('Hi')];

  const run = async (steps: Step[], deadlines?: Deadlines) => {
    server.answer({ steps });
    const events = await collect(subject.provider(deadlines), ask('Hello'));
    expectGrammar(events);
    return events;
  };
  const refuse = async (status: number, type: string, headers: Record<string, string> = {}) => {
    server.answer({ status, headers, steps: [wire.errorBody(type, `the key ${KEY}, the prompt Hello`)] });
    const events = await collect(subject.provider(), ask('Hello'));
    expect(events.map((event) => event.type)).to.deep.equal(['start', 'error']);
    return errorOf(events);
  };

  describe(`provider ${wire.name}, on its wire`, () => {
    it('passes the usage on, and goes on without when there is none', async () => {
      const events = await run([...begun, wire.end()]);
      const usages = events.filter((event) => event.type === 'usage');
      expect(usages.at(-1)).to.deep.equal({ type: 'usage', usage: { inputTokens: 7, outputTokens: 3 } });

      const without = await run([wire.text('Hi'), wire.endWithoutUsage]);
      expect(without.map((event) => event.type)).to.deep.equal(['start', 'text', 'finish']);
    });

    it('keeps reasoning apart from text', async () => {
      const events = await run([
        wire.begin,
        wire.reasoning('hm'),
        wire.reasoning('m'),
        wire.text('Hi'),
        wire.end(),
      ]);
      expect(textOf(events, 'reasoning')).to.equal('hmm');
      expect(textOf(events)).to.equal('Hi');
    });

    for (const [reason, expected] of Object.entries(wire.reasons)) {
      it(`reads the stop reason ${reason} as ${expected}`, async () => {
        const events = await run([...begun, wire.end(reason)]);
        expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: expected });
      });
    }

    it('puts a stream together that comes byte by byte', async () => {
      const bytes = Buffer.from(wire.begin + wire.text('日本 ') + wire.text('👍 done') + wire.end());
      const events = await run([...bytes].map((byte) => Buffer.from([byte])));
      expect(textOf(events)).to.equal('日本 👍 done');
      expect(events.at(-1)?.type).to.equal('finish');
    });

    it('reads CRLF line ends and comments', async () => {
      const stream = `: keep-alive\n\n${wire.begin}${wire.text('Hi')}: ping\n\n${wire.end()}`;
      const events = await run([stream.replaceAll('\n', '\r\n')]);
      expect(textOf(events)).to.equal('Hi');
      expect(events.at(-1)?.type).to.equal('finish');
    });

    it('finishes when the stop reason came and the end was not marked', async () => {
      const events = await run([...begun, wire.endWithoutMark]);
      expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'stop' });
    });

    it('finishes soon when the end was marked and the connection stays open', async () => {
      const events = await run([...begun, wire.end(), 'stall']);
      expect(events.at(-1)?.type).to.equal('finish');
      await expectAborted();
    });

    it('does not break off a slow stream that keeps its deadlines', async () => {
      const words = ['a', 'b', 'c', 'd', 'e', 'f'];
      const steps = words.flatMap((word): Step[] => [{ pauseMs: 100 }, wire.text(word)]);
      const events = await run([wire.begin, ...steps, wire.end()], {
        firstTokenTimeoutMs: 400,
        idleTimeoutMs: 400,
      });
      expect(textOf(events)).to.equal('abcdef');
      expect(events.at(-1)?.type).to.equal('finish');
    });

    it('says timeout when no token comes, and hangs up', async () => {
      const events = await run([wire.begin, 'stall'], { firstTokenTimeoutMs: 30, idleTimeoutMs: 60_000 });
      expect(errorOf(events).code).to.equal('timeout');
      expect(errorOf(events).retryable).to.equal(true);
      await expectAborted();
    });

    it('says timeout when a stream falls silent, keeps what came, and hangs up', async () => {
      const events = await run([...begun, 'stall'], { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 30 });
      expect(errorOf(events).code).to.equal('timeout');
      expect(textOf(events)).to.equal('Hi');
      await expectAborted();
    });

    it('says stream_broken when the body ends without a stop reason', async () => {
      const events = await run(begun);
      expect(errorOf(events).code).to.equal('stream_broken');
      expect(textOf(events)).to.equal('Hi');
    });

    it('says stream_broken when an event cannot be read, and hangs up', async () => {
      const events = await run([...begun, 'data: {"choices": [\n\n', 'stall']);
      expect(errorOf(events).code).to.equal('stream_broken');
      await expectAborted();
    });

    it('says network when the connection breaks', async () => {
      let goOn: () => void = () => {};
      const read = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      server.answer({ steps: [...begun, read, 'reset'] });
      const iterator = await readToFirstText(subject.provider(), ask('Hello'), new AbortController().signal);
      goOn();
      const events = await readToEnd(iterator);
      expect(events.map((event) => event.type)).to.deep.equal(['error']);
      expect(errorOf(events).code).to.equal('network');
    });

    it('says network when nothing listens', async () => {
      const gone = await startProviderWireServer();
      await gone.close();
      const provider =
        wire.name === 'openai'
          ? createOpenAiProvider({ name: 'openai', apiKey: KEY, baseURL: `${gone.url}/v1` })
          : createAnthropicProvider({ apiKey: KEY, baseURL: gone.url });
      const events = await collect(guardProvider(provider, PATIENT), ask('Hello'));
      expect(events.map((event) => event.type)).to.deep.equal(['start', 'error']);
      expect(errorOf(events).code).to.equal('network');
    });

    it('reads an error inside the stream', async () => {
      const events = await run([...begun, wire.overloaded]);
      expect(errorOf(events).code).to.equal('overloaded');
      expect(errorOf(events).message).to.not.include('secret');
    });

    it('refuses without telling the key or the prompt', async () => {
      const error = await refuse(401, 'authentication_error');
      expect(error.code).to.equal('provider_auth');
      expect(error.cause).to.equal(undefined);
      expect(`${error.stack}`).to.not.include(KEY).and.not.include('Hello');
    });

    it('refuses a bad request for good', async () => {
      const error = await refuse(400, 'invalid_request_error');
      expect(error.code).to.equal('bad_request');
      expect(error.retryable).to.equal(false);
    });

    it('tells a missing model from a wrong base URL', async () => {
      expect((await refuse(404, 'not_found_error')).code).to.equal('model_not_available');
      server.answer({ status: 404, headers: { 'content-type': 'text/html' }, steps: ['<h1>Not Found</h1>'] });
      expect(errorOf(await collect(subject.provider(), ask('Hello'))).code).to.equal('bad_request');
    });

    for (const [status, code] of [
      [429, 'rate_limited'],
      [529, 'overloaded'],
    ] as const) {
      it(`reads ${status} with Retry-After, and asks only once`, async () => {
        const error = await refuse(status, 'whatever', { 'retry-after': '7' });
        expect(error.code).to.equal(code);
        expect(error.retryAfterMs).to.equal(7000);
        expect(server.requests).to.have.length(1);
      });
    }

    it('closes the connection when the caller aborts in the middle', async () => {
      const caller = new AbortController();
      const request = subject.sayingThenSilent('one');
      const iterator = await readToFirstText(subject.provider(), request, caller.signal);
      caller.abort();
      expect((await iterator.next()).done).to.equal(true);
      await expectAborted();
    });

    it('closes the connection when the caller aborts before any answer', async () => {
      const caller = new AbortController();
      server.answer({ steps: ['stall'] });
      const arrived = server.nextRequest();
      const events = collect(subject.provider(), ask('Hello'), caller.signal);
      await arrived;
      caller.abort();
      expect((await events).map((event) => event.type)).to.deep.equal(['start']);
      await expectAborted();
    });

    it('closes the connection when the reader leaves its loop', async () => {
      const request = subject.sayingThenSilent('one');
      for await (const event of subject.provider().stream(request, new AbortController().signal)) {
        if (event.type === 'text') break;
      }
      await expectAborted();
    });

    it('uses connections again after streams that were read to their end', async () => {
      const provider = subject.provider();
      for (let n = 0; n < 6; n += 1) {
        // The body often ends a moment after the mark that says so.
        server.answer({ steps: [...begun, wire.end(), { pauseMs: 10 }] });
        await collect(provider, ask('Hello'));
      }
      // A second one is opened where the first is not quite free when the next request goes out.
      expect(new Set(server.requests.map((request) => request.remotePort)).size).to.be.at.most(2);
      for (const { closed } of server.requests) expect((await closed).abortedByClient).to.equal(false);
    });
  });
}

async function expectAborted(): Promise<void> {
  expect(await server.requests.at(-1)?.closed).to.deep.equal({ abortedByClient: true });
}

const TURNS: ChatTurn[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'One' },
  { role: 'assistant', content: 'Two' },
  { role: 'user', content: 'Three' },
];

describe('what is sent to openai', () => {
  it('has the turns, the sampling, the limit and the key', async () => {
    openai.saying(['Hi']);
    await collect(openai.provider(), {
      model: 'm',
      turns: TURNS,
      temperature: 0.5,
      topP: 0.9,
      maxTokens: 99,
    });
    const [request] = server.requests;
    expect(request?.path).to.equal('/v1/chat/completions');
    expect(request?.headers.authorization).to.equal(`Bearer ${KEY}`);
    expect(request?.body).to.deep.equal({
      model: 'm',
      messages: TURNS,
      temperature: 0.5,
      top_p: 0.9,
      max_tokens: 99,
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('names the limit as the host knows it', () => {
    expect(tokenLimitName('https://api.openai.com/v1')).to.equal('max_completion_tokens');
    expect(tokenLimitName('https://mine.openai.azure.com/openai/v1')).to.equal('max_completion_tokens');
    expect(tokenLimitName('http://localhost:11434/v1')).to.equal('max_tokens');
    expect(tokenLimitName('https://notopenai.com/v1')).to.equal('max_tokens');
  });

  it('has no authorization when there is no key', async () => {
    openai.saying(['Hi']);
    const provider = createOpenAiProvider({ name: 'local', baseURL: `${server.url}/v1` });
    await collect(provider, ask('Hello'));
    expect(server.requests[0]?.headers).to.not.have.property('authorization');
    expect(server.requests[0]?.headers).to.not.have.property('openai-organization');
  });
});

describe('what is sent to anthropic', () => {
  const sent = async (request: Partial<ProviderRequest>) => {
    anthropic.saying(['Hi']);
    await collect(anthropic.provider(), { model: 'claude-opus-4-5', turns: TURNS, ...request });
    return server.requests.at(-1);
  };

  it('has the system turn in its own field, a limit and the key', async () => {
    const request = await sent({});
    expect(request?.path).to.equal('/v1/messages');
    expect(request?.headers.authorization).to.equal(`Bearer ${KEY}`);
    expect(request?.body).to.deep.equal({
      model: 'claude-opus-4-5',
      max_tokens: 4096,
      system: 'Be brief.',
      messages: TURNS.slice(1),
      stream: true,
    });
  });

  it('begins with the user, joins turns of one role and leaves out blank ones', async () => {
    const request = await sent({
      turns: [
        { role: 'assistant', content: 'cut off' },
        { role: 'user', content: 'One' },
        { role: 'assistant', content: ' ' },
        { role: 'user', content: 'Two' },
      ],
    });
    expect(request?.body.messages).to.deep.equal([{ role: 'user', content: 'One\n\nTwo' }]);
    expect(request?.body).to.not.have.property('system');
  });

  it('has sampling parameters only for models that take them, and never two', async () => {
    const sampling = { temperature: 0.5, topP: 0.9, maxTokens: 99 };
    expect((await sent(sampling))?.body).to.include({ temperature: 0.5, max_tokens: 99 });
    expect((await sent(sampling))?.body).to.not.have.property('top_p');
    expect((await sent({ topP: 0.9 }))?.body).to.include({ top_p: 0.9 });
    expect((await sent({ temperature: 1.7 }))?.body).to.include({ temperature: 1 });
    for (const model of ['claude-opus-4-7', 'claude-opus-4-10', 'claude-sonnet-5']) {
      expect((await sent({ ...sampling, model }))?.body).to.not.have.any.keys('temperature', 'top_p');
    }
    for (const model of ['claude-3-5-haiku-latest', 'claude-sonnet-4-20250514', 'claude-opus-4-1-20250805']) {
      expect((await sent({ ...sampling, model }))?.body).to.include({ temperature: 0.5 });
    }
  });

  it('tells an empty account from a bad request, for which there is only the text', async () => {
    const text = 'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.';
    server.answer({ status: 400, steps: [anthropicWire.errorBody('invalid_request_error', text)] });
    expect(errorOf(await collect(anthropic.provider(), ask('Hello'))).code).to.equal('provider_billing');
  });
});

describe('what echo answers', () => {
  const answer = async (request: ProviderRequest, tokensPerSecond = 1000) =>
    collect(guardProvider(createEchoProvider({ tokensPerSecond }), PATIENT), request);

  it('is the last user turn, word by word, with words as tokens', async () => {
    const turns: ChatTurn[] = [...TURNS, { role: 'user', content: '  two\twords \n' }];
    const events = await answer({ model: 'echo', turns }, 20);
    expect(events).to.deep.equal([
      { type: 'start' },
      { type: 'text', text: '  two\t' },
      { type: 'text', text: 'words \n' },
      { type: 'usage', usage: { inputTokens: 7, outputTokens: 2 } },
      { type: 'finish', reason: 'stop' },
    ]);
  });

  it('is nothing for nothing and white space for white space', async () => {
    expect((await answer(ask(''))).map((event) => event.type)).to.deep.equal(['start', 'usage', 'finish']);
    const events = await answer(ask(' \n '));
    expect(textOf(events)).to.equal(' \n ');
    expect(events).to.deep.include({ type: 'usage', usage: { inputTokens: 0, outputTokens: 0 } });
  });

  it('stops at the limit', async () => {
    const events = await answer({ ...ask('one two three'), maxTokens: 2 });
    expect(textOf(events)).to.equal('one two ');
    expect(events.at(-1)).to.deep.equal({ type: 'finish', reason: 'length' });
  });

  it('keeps its speed, and the first word comes at once', async () => {
    const started = performance.now();
    const iterator = await readToFirstText(
      createEchoProvider({ tokensPerSecond: 50 }),
      ask('word '.repeat(21)),
      new AbortController().signal,
    );
    const first = performance.now() - started;
    await readToEnd(iterator);
    const all = performance.now() - started;
    expect(first).to.be.below(20);
    expect(all, '20 words after the first at 50 a second').to.be.within(395, 600);
  });
});

describe('the registry of providers', () => {
  const names = (env: NodeJS.ProcessEnv) => createProviders(loadConfig(env)).names;

  it('has echo always and the others when they are configured', () => {
    expect(names({})).to.deep.equal(['echo']);
    expect(names({ OPENAI_API_KEY: KEY })).to.deep.equal(['echo', 'openai']);
    expect(names({ OPENAI_BASE_URL: 'http://localhost:11434/v1' })).to.deep.equal(['echo', 'openai']);
    expect(names({ CLAUDE_API_KEY: KEY })).to.deep.equal(['echo', 'anthropic']);
    expect(createProviders(loadConfig({})).get('openai')).to.equal(undefined);
  });

  it('gives every provider the deadlines of the configuration', async () => {
    const config = loadConfig({
      OPENAI_BASE_URL: `${server.url}/v1`,
      PROVIDER_FIRST_TOKEN_TIMEOUT_MS: '20',
    });
    const provider = createProviders(config).get('openai');
    server.answer({ steps: ['stall'] });
    if (!provider) throw new Error('openai is missing');
    expect(errorOf(await collect(provider, ask('Hello'))).code).to.equal('timeout');
  });
});
