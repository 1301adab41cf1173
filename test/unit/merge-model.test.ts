import { expect } from 'chai';
import fc from 'fast-check';
import type { ModelFacts, ModelLayers, ModelOverride, ShippedFacts } from '../../src/data/entities/model.ts';
import { mergeModel } from '../../src/data/merge-model.ts';

const SHIPPED: ShippedFacts = {
  title: 'Shipped',
  category: 'general',
  tier: 'paid',
  contextLength: null,
  maxOutputTokens: null,
  capabilities: ['text'],
  parameters: ['maxTokens'],
  usdPerMillionInput: '1',
  usdPerMillionOutput: '2',
  creditsPer100Tokens: '1',
};
const ALONE: ModelLayers = { snapshot: SHIPPED, synced: null, override: null, vanishedAt: null };

describe('merging what is known of a model', () => {
  it('has what was shipped where nobody says more', () => {
    expect(mergeModel(ALONE)).to.deep.equal({
      ...SHIPPED,
      usdPerMillionCachedInput: '1',
      enabled: true,
      source: 'snapshot',
    });
  });

  it('has the later word, field by field', () => {
    const merged = mergeModel({
      ...ALONE,
      synced: { title: 'Told', contextLength: 10, usdPerMillionInput: '3' },
      override: { title: 'Said', tier: 'free' },
    });
    expect(merged).to.deep.include({
      title: 'Said',
      tier: 'free',
      contextLength: 10,
      usdPerMillionInput: '3',
    });
    expect(merged).to.deep.include({ usdPerMillionOutput: '2', source: 'admin' });
  });

  it('prices cached input like input, whoever priced that, unless somebody says otherwise', () => {
    const cachedOf = (layers: Partial<ModelLayers>) =>
      mergeModel({ ...ALONE, ...layers }).usdPerMillionCachedInput;
    expect(cachedOf({ synced: { usdPerMillionInput: '3' } })).to.equal('3');
    expect(cachedOf({ override: { usdPerMillionInput: '0' } })).to.equal('0');
    expect(cachedOf({ snapshot: { ...SHIPPED, usdPerMillionCachedInput: '0.5' } })).to.equal('0.5');
    expect(cachedOf({ override: { usdPerMillionCachedInput: '0' } })).to.equal('0');
  });

  it('is switched off by an admin or by its provider, and on by both', () => {
    const enabled = (override: ModelOverride | null, vanishedAt: Date | null) =>
      mergeModel({ ...ALONE, override, vanishedAt }).enabled;
    expect(enabled(null, null)).to.equal(true);
    expect(enabled({ enabled: true }, null)).to.equal(true);
    expect(enabled({ enabled: false }, null)).to.equal(false);
    expect(enabled(null, new Date())).to.equal(false);
    expect(enabled({ enabled: true }, new Date())).to.equal(false);
  });

  it('tells the latest source', () => {
    const source = (layers: Partial<ModelLayers>) => mergeModel({ ...ALONE, ...layers }).source;
    expect(source({ synced: {} })).to.equal('sync');
    expect(source({ synced: {}, override: {} })).to.equal('sync');
    expect(source({ override: { enabled: true } })).to.equal('admin');
  });

  it('is each field of the uppermost layer that has it, whatever the layers', () => {
    const price = fc.nat(1_000).map(String);
    const facts: fc.Arbitrary<ModelFacts> = fc.record({
      title: fc.string(),
      category: fc.constantFrom('general', 'code', 'vision'),
      tier: fc.constantFrom('free', 'paid'),
      contextLength: fc.option(fc.nat()),
      maxOutputTokens: fc.option(fc.nat()),
      capabilities: fc.subarray(['text', 'vision', 'tools'] as const).map((list) => [...list]),
      parameters: fc.subarray(['temperature', 'topP', 'maxTokens'] as const).map((list) => [...list]),
      usdPerMillionInput: price,
      usdPerMillionCachedInput: price,
      usdPerMillionOutput: price,
      creditsPer100Tokens: price,
    });
    const keys: (keyof ModelFacts)[] = [
      'title',
      'category',
      'tier',
      'contextLength',
      'maxOutputTokens',
      'capabilities',
      'parameters',
      'usdPerMillionInput',
      'usdPerMillionCachedInput',
      'usdPerMillionOutput',
      'creditsPer100Tokens',
    ];
    const some = fc
      .tuple(facts, fc.subarray(keys))
      .map(([all, kept]) => Object.fromEntries(kept.map((key) => [key, all[key]])) as Partial<ModelFacts>);
    fc.assert(
      fc.property(facts, fc.option(some), fc.option(some), (snapshot, synced, override) => {
        const before = structuredClone({ snapshot, synced, override });
        const merged = mergeModel({ snapshot, synced, override, vanishedAt: null });
        for (const key of keys) {
          const layer = [override, synced, snapshot].find((each) => each && key in each);
          expect(merged[key], key).to.deep.equal(layer?.[key]);
        }
        expect({ snapshot, synced, override }).to.deep.equal(before);
      }),
    );
  });
});
