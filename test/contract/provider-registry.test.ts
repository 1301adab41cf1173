import { expect } from 'chai';
import { loadConfig } from '../../src/base/config.ts';
import { createProviders } from '../../src/providers/registry.ts';
import { ask, collect, errorOf, KEY, useWireServer } from '../support/provider-subjects.ts';

describe('the registry of providers', () => {
  const server = useWireServer();
  const names = (env: NodeJS.ProcessEnv) => createProviders(loadConfig(env)).names;

  it('has echo always and the others when they are configured', () => {
    expect(names({})).to.deep.equal(['echo']);
    expect(names({ OPENAI_API_KEY: KEY })).to.deep.equal(['echo', 'openai']);
    expect(names({ OPENAI_BASE_URL: 'http://localhost:11434/v1' })).to.deep.equal(['echo', 'openai']);
    expect(names({ CLAUDE_API_KEY: KEY })).to.deep.equal(['echo', 'anthropic']);
    expect(names({ GEMINI_API_KEY: KEY })).to.deep.equal(['echo', 'gemini']);
    expect(names({ OPENROUTER_API_KEY: KEY })).to.deep.equal(['echo', 'openrouter']);
    expect(names({ HUGGINGFACE_API_KEY: KEY })).to.deep.equal(['echo', 'huggingface']);
    expect(names({ GEMINI_BASE_URL: 'http://localhost:1', HUGGINGFACE_API_KEY: '' })).to.deep.equal(['echo']);
    expect(createProviders(loadConfig({})).get('openai')).to.equal(undefined);
  });

  it('gives every provider the deadlines of the configuration', async () => {
    const config = loadConfig({
      OPENAI_BASE_URL: `${server.current.url}/v1`,
      PROVIDER_FIRST_TOKEN_TIMEOUT_MS: '20',
    });
    const provider = createProviders(config).get('openai');
    server.current.answer({ steps: ['stall'] });
    if (!provider) throw new Error('openai is missing');
    expect(errorOf(await collect(provider, ask('Hello'))).code).to.equal('timeout');
  });
});
