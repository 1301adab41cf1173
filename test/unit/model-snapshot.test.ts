import { expect } from 'chai';
import { z } from 'zod';
import {
  MODEL_CAPABILITIES,
  MODEL_CATEGORIES,
  MODEL_PARAMETERS,
  MODEL_TIERS,
} from '../../src/contracts/model.ts';
import {
  createFindShipped,
  loadModelSnapshot,
  type ModelSnapshot,
  matches,
  modelId,
} from '../../src/data/model-snapshot.ts';
import { factsByRule, tierOf } from '../../src/services/catalogue-rules.ts';

const price = z.string().regex(/^\d+(\.\d{1,10})?$/);
const shippedSchema = z.strictObject({
  provider: z.enum(['echo', 'openai', 'anthropic', 'gemini', 'openrouter', 'huggingface']),
  name: z.string().min(1).max(180),
  match: z.unknown().optional(),
  title: z.string().min(1).max(200),
  category: z.enum(MODEL_CATEGORIES),
  tier: z.enum(MODEL_TIERS),
  contextLength: z.int().min(1).nullable(),
  maxOutputTokens: z.int().min(1).nullable(),
  capabilities: z.array(z.enum(MODEL_CAPABILITIES)).min(1),
  parameters: z.array(z.enum(MODEL_PARAMETERS)),
  usdPerMillionInput: price,
  usdPerMillionCachedInput: price.optional(),
  usdPerMillionOutput: price,
  creditsPer100Tokens: price,
});

describe('the shipped snapshot', () => {
  let snapshot: ModelSnapshot;
  before(async () => {
    snapshot = await loadModelSnapshot();
  });

  it('is dated, and every model in it is sound and there once', () => {
    expect(snapshot.date).to.match(/^20\d\d-\d\d-\d\d$/);
    expect(snapshot.source).to.match(/^@pydantic\/genai-prices \d/);
    for (const model of snapshot.models) {
      const parsed = shippedSchema.safeParse(model);
      expect(parsed.error?.message, JSON.stringify(model)).to.equal(undefined);
    }
    const ids = snapshot.models.map(({ provider, name }) => modelId(provider, name));
    expect(new Set(ids)).to.have.property('size', ids.length);
    expect(ids).to.include.members(['echo', 'openai/gpt-4', 'openai/gpt-4.1', 'gemini/gemini-2.5-flash']);
  });

  it('has what writes text, and nothing else', () => {
    const names = snapshot.models.map(({ name }) => name);
    const others = names.filter((name) =>
      /embedding|whisper|tts|image|realtime|moderation|davinci/.test(name),
    );
    expect(others).to.deep.equal([]);
  });

  it("has the customer's credits: 20 for gpt-4, 10 for Gemini's flash models, 1 for all else", () => {
    for (const { provider, name, creditsPer100Tokens } of snapshot.models) {
      const flash = (provider === 'gemini' || name.startsWith('google/')) && name.includes('flash');
      const isGpt4 = ['openai/gpt-4', 'openrouter/openai/gpt-4'].includes(`${provider}/${name}`);
      expect(creditsPer100Tokens, `${provider}/${name}`).to.equal(isGpt4 ? '20' : flash ? '10' : '1');
    }
    const dear = snapshot.models.filter((model) => model.creditsPer100Tokens !== '1');
    expect(new Set(dear.map(({ provider }) => provider))).to.have.keys('openai', 'gemini', 'openrouter');
  });

  it('gives for nothing what costs nothing, and what Hugging Face has', () => {
    for (const { provider, name, tier, ...usd } of snapshot.models) {
      const free =
        provider === 'huggingface' || (usd.usdPerMillionInput === '0' && usd.usdPerMillionOutput === '0');
      expect(tier, `${provider}/${name}`).to.equal(free ? 'free' : 'paid');
    }
  });

  it('knows versions and aliases of its models, each with its own name', () => {
    const find = createFindShipped(snapshot);
    expect(find('openai', 'gpt-4o-2024-08-06')).to.deep.include({ base: 'openai/gpt-4o' });
    expect(find('openai', 'gpt-4o-2024-08-06')?.facts).to.deep.include({
      title: 'gpt-4o-2024-08-06',
      usdPerMillionInput: '2.5',
    });
    expect(find('anthropic', 'claude-opus-4-20250514')?.base).to.equal('anthropic/claude-opus-4-0');
    expect(find('openai', 'gpt-4o')?.base).to.equal('openai/gpt-4o');
    expect(find('anthropic', 'gpt-4o-2024-08-06')).to.equal(undefined);
    expect(find('openai', 'llama3:8b')).to.equal(undefined);
    expect(find('openai', 'gpt-4o')?.facts).to.not.have.any.keys('provider', 'name', 'match');
  });

  it('matches names as the package does', () => {
    const all = { and: [{ starts_with: 'a' }, { ends_with: 'z' }] };
    expect([matches(all, 'abz'), matches(all, 'ab')]).to.deep.equal([true, false]);
    const any = { or: [{ equals: 'x' }, { contains: '-' }, { regex: '^\\d+$' }] };
    expect(['x', 'a-b', '42', 'xx'].map((name) => matches(any, name))).to.deep.equal([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('what the name of a model tells', () => {
  const of = (provider: string, name: string) => factsByRule(provider, name);

  it('its category and what it can do', () => {
    expect(of('openai', 'o3')).to.deep.include({ category: 'reasoning' });
    expect(of('openrouter', 'qwen/qwen3-coder').category).to.equal('code');
    expect(of('openrouter', 'qwen/qwen2.5-vl-72b-instruct').category).to.equal('vision');
    expect(of('openrouter', 'deepseek/deepseek-r1').category).to.equal('reasoning');
    expect(of('openai', 'gpt-4.1')).to.deep.include({
      category: 'general',
      capabilities: ['text', 'vision', 'tools', 'json'],
    });
    expect(of('openai', 'llama3')).to.deep.include({
      category: 'general',
      capabilities: ['text'],
      tier: 'paid',
    });
    expect(of('anthropic', 'claude-opus-4-7')).to.deep.include({ parameters: ['maxTokens'] });
  });

  it('its tier, with its price', () => {
    expect(tierOf('openai', {})).to.equal(undefined);
    expect(tierOf('openai', { input: '0', output: '0.0' })).to.equal('free');
    expect(tierOf('openai', { input: '0', output: '1' })).to.equal('paid');
    expect(tierOf('huggingface', { input: '9' })).to.equal('free');
    expect(tierOf('echo', {})).to.equal('free');
  });
});
