import { expect } from 'chai';
import { createOpenAiProvider } from '../../src/providers/openai.ts';
import { type Provider, ProviderError } from '../../src/providers/provider.ts';
import { adapterOf, KEY, useWireServer } from '../support/provider-subjects.ts';

const NAMES = ['openai', 'openrouter', 'huggingface', 'anthropic', 'gemini'] as const;

describe('a list of models that is not given', () => {
  const server = useWireServer();

  const failure = async (
    provider: Provider,
    signal = AbortSignal.timeout(10_000),
  ): Promise<ProviderError> => {
    try {
      await provider.listModels?.(signal);
    } catch (error) {
      if (error instanceof ProviderError) return error;
      throw error;
    }
    throw new Error('the list was given');
  };
  const failureOf = (name: (typeof NAMES)[number], signal?: AbortSignal) =>
    failure(adapterOf({ name }, server.current.url), signal);

  for (const name of NAMES) {
    it(`${name}: a refusal is classified, with the time to wait, and asked for once`, async () => {
      server.current.answer({
        status: 429,
        headers: { 'retry-after': '3' },
        steps: ['{"error":{"message":"x"}}'],
      });
      const limited = await failureOf(name);
      expect(limited).to.include({ code: 'rate_limited', retryAfterMs: 3000 });
      expect(server.current.requests).to.have.length(1);

      server.current.answer({ status: 401, steps: [`{"error":{"message":"wrong: ${KEY}"}}`] });
      const refused = await failureOf(name);
      expect(refused.code).to.equal('provider_auth');
      expect(`${refused.stack}${refused.cause}`).to.not.include(KEY);
    });

    it(`${name}: what is no list never passes for an empty one`, async () => {
      for (const body of [
        '<h1>Welcome</h1>',
        '{"data": [',
        '{}',
        '{"data":{},"models":"none"}',
        'null',
        '',
      ]) {
        server.current.answer({ headers: { 'content-type': 'application/json' }, steps: [body] });
        expect((await failureOf(name)).code, body).to.equal('provider_failed');
      }
      server.current.answer({ headers: { 'content-type': 'text/html' }, steps: ['<h1>Welcome</h1>'] });
      expect((await failureOf(name)).code).to.equal('provider_failed');
    });

    it(`${name}: is waited for as long as the signal allows, and hangs up`, async () => {
      const patience = new AbortController();
      const arrived = server.current.nextRequest();
      server.current.answer({
        headers: { 'content-type': 'application/json' },
        steps: ['{"data": [', 'stall'],
      });
      const asked = failureOf(name, patience.signal);
      const request = await arrived;
      patience.abort(new DOMException('too late', 'TimeoutError'));
      expect((await asked).code).to.equal('timeout');
      expect(await request.closed).to.deep.equal({ abortedByClient: true });

      expect((await failureOf(name, AbortSignal.abort())).code).to.equal('timeout');
      expect(server.current.requests).to.have.length(1);
    });
  }

  it('says network when nothing listens', async () => {
    const provider = createOpenAiProvider({ name: 'openai', baseURL: 'http://127.0.0.1:1/v1' });
    expect((await failure(provider)).code).to.equal('network');
  });
});
