import { expect } from 'chai';
import { createAnthropicProvider } from '../../src/providers/anthropic.ts';
import { createEchoProvider } from '../../src/providers/echo.ts';
import { createGeminiProvider } from '../../src/providers/gemini.ts';
import { type Deadlines, guardProvider } from '../../src/providers/guard-provider.ts';
import { createHuggingFaceProvider } from '../../src/providers/huggingface.ts';
import { createOpenAiProvider } from '../../src/providers/openai.ts';
import { createOpenRouterProvider } from '../../src/providers/openrouter.ts';
import type {
  Provider,
  ProviderError,
  ProviderEvent,
  ProviderRequest,
} from '../../src/providers/provider.ts';
import { type ProviderWireServer, type Step, startProviderWireServer } from './provider-wire-server.ts';
import {
  anthropicWire,
  geminiWire,
  huggingFaceWire,
  openAiWire,
  openRouterWire,
  type Wire,
} from './provider-wires.ts';

/** The key that every adapter is given. */
export const KEY = 'sk-test-very-secret-key';
/** Deadlines that no test reaches. */
export const PATIENT: Deadlines = { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 60_000 };

/** How a provider is made to say something. */
export interface Subject {
  name: string;
  provider(deadlines?: Deadlines): Provider;
  /** Prepares an answer of these chunks; gives the request that gets it. */
  saying(chunks: string[]): ProviderRequest;
  /** Prepares an answer that says `first` and is then silent without an end. */
  sayingThenSilent(first: string): ProviderRequest;
}

/** A subject behind a wire. */
export type WireSubject = Subject & { wire: Wire };

/** A server that is there while the tests of a `describe` run; call it inside. */
export function useWireServer(): { readonly current: ProviderWireServer } {
  let server: ProviderWireServer | undefined;
  before(async function () {
    // The adapters load their SDKs on first use; on a busy machine that takes longer than a test may.
    this.timeout(60_000);
    await Promise.all([import('openai'), import('@anthropic-ai/sdk'), import('@google/genai')]);
    server = await startProviderWireServer();
  });
  after(() => server?.close());
  afterEach(() => server?.clear());
  return {
    get current() {
      if (!server) throw new Error('the server has not started');
      return server;
    },
  };
}

/** The provider that speaks a wire, at a server of ours, without its guard. */
export function adapterOf({ name }: Pick<Wire, 'name'>, url: string): Provider {
  return ADAPTERS[name](url);
}

const ADAPTERS: Record<Wire['name'], (url: string) => Provider> = {
  openai: (url) => createOpenAiProvider({ name: 'openai', apiKey: KEY, baseURL: `${url}/v1` }),
  openrouter: (url) => createOpenRouterProvider({ apiKey: KEY, baseURL: `${url}/api/v1` }),
  huggingface: (url) => createHuggingFaceProvider({ apiKey: KEY, baseURL: `${url}/v1` }),
  anthropic: (url) => createAnthropicProvider({ apiKey: KEY, baseURL: url }),
  gemini: (url) => createGeminiProvider({ apiKey: KEY, baseURL: url }),
};

/** A request with one turn. */
export function ask(content: string): ProviderRequest {
  return { model: 'some-model', turns: [{ role: 'user', content }] };
}

/** The offline provider. */
export const echo: Subject = {
  name: 'echo',
  provider: (deadlines = PATIENT) => guardProvider(createEchoProvider({ tokensPerSecond: 1000 }), deadlines),
  saying: (chunks) => ask(chunks.join('')),
  // At 1,000 words a second this goes on for minutes.
  sayingThenSilent: (first) => ask(`${first} ${'word '.repeat(100_000)}`),
};

/** Every provider that speaks a wire, with a server that `server` has when it is used. */
export function wireSubjects(server: { readonly current: ProviderWireServer }): WireSubject[] {
  return [openAiWire, openRouterWire, huggingFaceWire, anthropicWire, geminiWire].map((wire) => {
    const script = (steps: Step[]): ProviderRequest => {
      server.current.answer({ steps });
      return ask('Hello');
    };
    return {
      name: wire.name,
      wire,
      provider: (deadlines = PATIENT) => guardProvider(adapterOf(wire, server.current.url), deadlines),
      saying: (chunks) => script([wire.begin, ...chunks.map(wire.text), wire.end()]),
      sayingThenSilent: (first) => script([wire.begin, wire.text(first), 'stall']),
    };
  });
}

/** All events of a stream. */
export async function collect(
  provider: Provider,
  request: ProviderRequest,
  signal = new AbortController().signal,
): Promise<ProviderEvent[]> {
  return readToEnd(provider.stream(request, signal)[Symbol.asyncIterator]());
}

/** What is left of a stream. */
export async function readToEnd(iterator: AsyncIterator<ProviderEvent>): Promise<ProviderEvent[]> {
  const events: ProviderEvent[] = [];
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) events.push(next.value);
  return events;
}

/** Reads until the first text; gives the iterator where it stands. */
export async function readToFirstText(provider: Provider, request: ProviderRequest, signal: AbortSignal) {
  const iterator = provider.stream(request, signal)[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await iterator.next();
    if (done) throw new Error('the stream ended before its first text');
    if (value.type === 'text') return iterator;
  }
}

/** The whole text, or the whole reasoning. */
export function textOf(events: ProviderEvent[], type: 'text' | 'reasoning' = 'text'): string {
  return events.map((event) => (event.type === type ? event.text : '')).join('');
}

/** The error that the stream ended with. */
export function errorOf(events: ProviderEvent[]): ProviderError {
  const last = events.at(-1);
  if (last?.type !== 'error') throw new Error(`the stream ended with ${last?.type}, not with an error`);
  return last.error;
}

/** What every guarded stream is, whatever happened. */
export function expectGrammar(events: ProviderEvent[]): void {
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
