import { expect } from 'chai';
import { loadConfig } from '../../src/base/config.ts';
import { createDefaultModel, createTitleModel } from '../../src/services/default-model.ts';
import { createFallbackModels, unusableFallbacks } from '../../src/services/fallback-models.ts';
import { createModelDirectory } from '../../src/services/model-directory.ts';
import { testModel } from '../support/models.ts';

const ALL = ['openai', 'anthropic', 'gemini', 'openrouter', 'huggingface'];

/** Ids of the models that answer for one, where the directory has just these. */
function fallbacks(env: NodeJS.ProcessEnv, model: string, has: string[], served = ALL): string[] {
  const models = createModelDirectory(
    [...served, 'echo'],
    has.map((id) => testModel(id)),
  );
  return createFallbackModels(loadConfig(env), models)(model).map(({ id }) => id);
}

describe('fallbacks', () => {
  const PROVIDERS = { LLM_FALLBACK_PROVIDERS: 'openrouter,anthropic' };

  it('are none without configuration', () => {
    expect(fallbacks({}, 'openai/gpt-4.1', ['openai/gpt-4.1', 'anthropic/claude-sonnet-4-6'])).to.deep.equal(
      [],
    );
  });

  it('are the same model elsewhere, or else the default model there, in the order given', () => {
    const here = ['openai/gpt-4.1', 'openrouter/openai/gpt-4.1', 'anthropic/claude-sonnet-4-6'];
    expect(fallbacks(PROVIDERS, 'openai/gpt-4.1', here)).to.deep.equal(here.slice(1));
    const cheap = { ...PROVIDERS, OPENROUTER_MODEL: 'some/model', ANTHROPIC_MODEL: 'claude-haiku-4-5' };
    expect(
      fallbacks(cheap, 'openai/gpt-4.1', ['openrouter/some/model', 'anthropic/claude-haiku-4-5']),
    ).to.deep.equal(['openrouter/some/model', 'anthropic/claude-haiku-4-5']);
  });

  const SAME = {
    'anthropic/claude-sonnet-4-5': 'openrouter/anthropic/claude-sonnet-4.5',
    'gemini/gemini-2.5-pro': 'openrouter/google/gemini-2.5-pro',
    'openrouter/openai/gpt-4.1': 'openai/gpt-4.1',
    'openrouter/google/gemini-2.5-pro': 'gemini/gemini-2.5-pro',
    'openrouter/anthropic/claude-sonnet-4.5': 'anthropic/claude-sonnet-4-5',
    'huggingface/openai/gpt-oss-120b': 'openrouter/openai/gpt-oss-120b',
  };
  for (const [model, same] of Object.entries(SAME)) {
    it(`know that ${model} is ${same}`, () => {
      const env = { LLM_FALLBACK_PROVIDERS: same.split('/')[0] };
      expect(fallbacks(env, model, [model, same])).to.deep.equal([same]);
    });
  }

  it('of a model come first, each once, and never itself', () => {
    const env = {
      LLM_FALLBACK_PROVIDERS: 'openai,gemini,anthropic',
      MODEL_FALLBACKS: 'openai/a=gemini/b,openai/a,openai/c,gemini/b; openai/z=gemini/never',
      GEMINI_MODEL: 'b',
      ANTHROPIC_MODEL: 'd',
    };
    const has = ['openai/a', 'gemini/b', 'openai/c', 'anthropic/d', 'gemini/never'];
    expect(fallbacks(env, 'openai/a', has)).to.deep.equal(['gemini/b', 'openai/c', 'anthropic/d']);
  });

  it('are only models that can be asked here', () => {
    const has = ['openrouter/openai/gpt-4.1', 'anthropic/claude-sonnet-4-6'];
    expect(fallbacks(PROVIDERS, 'openai/gpt-4.1', has, ['openai', 'anthropic'])).to.deep.equal(has.slice(1));
    expect(fallbacks(PROVIDERS, 'openai/gpt-4.1', [])).to.deep.equal([]);
  });

  it('cost nothing where the model that was asked is free, unless a rule says so', () => {
    const models = createModelDirectory(ALL, [
      testModel('openrouter/some/model:free'),
      testModel('openai/paid', { tier: 'paid' }),
      testModel('gemini/paid', { tier: 'paid' }),
      testModel('anthropic/free'),
    ]);
    const env = { OPENAI_MODEL: 'paid', ANTHROPIC_MODEL: 'free', LLM_FALLBACK_PROVIDERS: 'openai,anthropic' };
    const rule = { MODEL_FALLBACKS: 'openrouter/some/model:free=gemini/paid' };
    const of = (config: NodeJS.ProcessEnv, model: string) =>
      createFallbackModels(loadConfig(config), models)(model).map(({ id }) => id);
    expect(of(env, 'openrouter/some/model:free')).to.deep.equal(['anthropic/free']);
    expect(of({ ...env, ...rule }, 'openrouter/some/model:free')).to.deep.equal([
      'gemini/paid',
      'anthropic/free',
    ]);
    expect(of(env, 'gemini/paid')).to.deep.equal(['openai/paid', 'anthropic/free']);
  });

  it('that cannot be asked are known by name', () => {
    const models = createModelDirectory(ALL, [testModel('openai/a'), testModel('gemini/b')]);
    const config = loadConfig({
      MODEL_FALLBACKS: 'openai/a=gemini/b,gemini/typo',
      LLM_FALLBACK_PROVIDERS: 'openai,claude',
      OPENAI_MODEL: 'a',
    });
    expect(unusableFallbacks(config, models)).to.deep.equal(['gemini/typo', 'anthropic/claude-sonnet-4-6']);
  });

  it('are none of the offline model, which may be one itself', () => {
    const env = { ...PROVIDERS, MODEL_FALLBACKS: 'echo=openai/a;openai/a=echo' };
    const has = ['echo', 'openai/a', 'anthropic/claude-sonnet-4-6'];
    expect(fallbacks(env, 'echo', has)).to.deep.equal([]);
    expect(fallbacks(env, 'openai/a', has)).to.deep.equal(['echo', 'anthropic/claude-sonnet-4-6']);
  });
});

describe('the model of a session that names none', () => {
  const chosen = (env: NodeJS.ProcessEnv, configured: string[], has: string[] = []) => {
    const served = ['echo', ...configured];
    return createDefaultModel(
      loadConfig(env),
      served,
      createModelDirectory(
        served,
        has.map((id) => testModel(id)),
      ),
    )();
  };

  it('is DEFAULT_MODEL', () => {
    const env = { DEFAULT_MODEL: 'echo', DEFAULT_LLM_PROVIDER: 'openai' };
    expect(chosen(env, ['openai'])).to.equal('echo');
  });

  it('is else that of DEFAULT_LLM_PROVIDER', () => {
    const env = { DEFAULT_LLM_PROVIDER: 'claude', ANTHROPIC_MODEL: 'claude-haiku-4-5' };
    expect(chosen(env, ['openai', 'anthropic'])).to.equal('anthropic/claude-haiku-4-5');
  });

  it('is else that of the first provider with a key', () => {
    expect(chosen({}, ['openrouter', 'gemini'])).to.equal('gemini/gemini-3.5-flash');
    expect(chosen({ DEFAULT_LLM_PROVIDER: 'claude' }, ['openai'])).to.equal('openai/gpt-5.4-mini');
  });

  it('is one that there is, of a provider that does not have the usual one', () => {
    const has = ['echo', 'openai/qwen', 'openai/llama', 'gemini/a'];
    expect(chosen({}, ['openai', 'gemini'], has)).to.equal('openai/llama');
    expect(chosen({}, ['openai'], [...has, 'openai/gpt-5.4-mini'])).to.equal('openai/gpt-5.4-mini');
    expect(chosen({ DEFAULT_MODEL: 'openai/gone' }, ['openai'], has)).to.equal('openai/gone');
  });

  it('is else echo', () => {
    expect(chosen({}, [])).to.equal('echo');
    expect(chosen({ DEFAULT_LLM_PROVIDER: 'gemini' }, [])).to.equal('echo');
  });
});

describe('the model of a session that names none, of a user who reaches free models only', () => {
  const chosen = (env: NodeJS.ProcessEnv, configured: string[], has: Record<string, 'free' | 'paid'>) => {
    const served = ['echo', ...configured];
    const models = Object.entries({ echo: 'free', ...has } as const).map(([id, tier]) =>
      testModel(id, { tier }),
    );
    return createDefaultModel(loadConfig(env), served, createModelDirectory(served, models))('free');
  };

  it('is the usual one where that is free, by its bare name too', () => {
    expect(chosen({}, ['openai'], { 'openai/gpt-5.4-mini': 'free' })).to.equal('openai/gpt-5.4-mini');
    expect(chosen({ DEFAULT_MODEL: 'llama' }, ['openai'], { 'openai/llama': 'free' })).to.equal('llama');
  });

  it('is else a free one of the same provider, then of another', () => {
    const has = { 'openai/gpt-5.4-mini': 'paid', 'openai/b': 'free', 'gemini/a': 'free' } as const;
    expect(chosen({}, ['openai', 'gemini'], has)).to.equal('openai/b');
    expect(chosen({ DEFAULT_LLM_PROVIDER: 'gemini' }, ['openai', 'gemini'], has)).to.equal('gemini/a');
    const paid = { ...has, 'gemini/gemini-3.5-flash': 'paid' } as const;
    expect(chosen({ DEFAULT_LLM_PROVIDER: 'gemini' }, ['openai', 'gemini'], paid)).to.equal('gemini/a');
    expect(chosen({ DEFAULT_MODEL: 'openai/gpt-5.4-mini' }, ['gemini'], has)).to.equal('gemini/a');
  });

  it('is else echo: never a paid one', () => {
    expect(chosen({}, ['openai'], { 'openai/gpt-5.4-mini': 'paid' })).to.equal('echo');
    expect(chosen({ DEFAULT_MODEL: 'openai/gone' }, ['openai'], { 'openai/x': 'paid' })).to.equal('echo');
  });
});

describe('the model that names sessions', () => {
  const titles = (env: NodeJS.ProcessEnv, model: string) => createTitleModel(loadConfig(env), () => model)();

  it('is TITLE_MODEL, or else the model of a session that names none', () => {
    expect(titles({ TITLE_MODEL: 'openai/small' }, 'openai/large')).to.equal('openai/small');
    expect(titles({}, 'openai/large')).to.equal('openai/large');
  });

  it('is none when it is switched off, and on the offline model', () => {
    expect(titles({ TITLE_MODEL: 'off' }, 'openai/large')).to.equal(undefined);
    expect(titles({}, 'echo')).to.equal(undefined);
  });
});
