import { expect } from 'chai';
import { applySnapshot } from '../../src/data/apply-snapshot.ts';
import { type Database, rows } from '../../src/data/database.ts';
import type { ModelRecord } from '../../src/data/entities/model.ts';
import { mergeModel } from '../../src/data/merge-model.ts';
import type { ModelSnapshot, ShippedModel } from '../../src/data/model-snapshot.ts';
import { findSnapshotDate } from '../../src/data/repositories/catalogue-state.ts';
import { findModel, upsertModels } from '../../src/data/repositories/models.ts';
import { factsByRule } from '../../src/services/catalogue-rules.ts';
import { useTestDatabase } from '../support/database.ts';

const shipped = (name: string, facts: Partial<ShippedModel> = {}): ShippedModel => ({
  provider: 'acme',
  name,
  ...factsByRule('acme', name),
  ...facts,
});
const snapshotOf = (date: string, ...models: ShippedModel[]): ModelSnapshot => ({
  date,
  source: 'a test',
  models,
});

describe('applying a snapshot of the catalogue', () => {
  const database = useTestDatabase();
  const find = async (id: string) => (await findModel(database().db, id)) as ModelRecord;

  beforeEach(async () => {
    await rows(database().db, 'DELETE FROM models');
    await rows(database().db, 'DELETE FROM catalogue_state');
  });

  it('adds what is new and changes what it has, below what providers and admins say', async () => {
    await applySnapshot(database(), snapshotOf('2026-01-01', shipped('a'), shipped('b'), shipped('gone')));
    await say(database(), 'acme/a', { synced: { contextLength: 10 }, override: { title: 'Ours' } });
    const next = [
      shipped('a', { title: 'New a', contextLength: 20, usdPerMillionInput: '0.0000000001' }),
      shipped('b', { title: 'New b' }),
      shipped('c'),
    ];
    expect(await applySnapshot(database(), snapshotOf('2026-02-01', ...next))).to.equal(true);
    expect(await find('acme/a')).to.deep.include({
      title: 'Ours',
      contextLength: 10,
      usdPerMillionInput: '0.0000000001',
      usdPerMillionCachedInput: '0.0000000001',
      source: 'admin',
    });
    expect(await find('acme/b')).to.deep.include({ title: 'New b', source: 'snapshot' });
    expect(await find('acme/c')).to.deep.include({ enabled: true });
    expect(await find('acme/gone')).to.deep.include({ enabled: true, title: 'gone' });
    expect(await findSnapshotDate(database().db)).to.equal('2026-02-01');
  });

  it('is done once: not by one that is as old, or older', async () => {
    await applySnapshot(database(), snapshotOf('2026-02-01', shipped('a')));
    for (const date of ['2026-02-01', '2026-01-31', '2025-12-31']) {
      const applied = await applySnapshot(
        database(),
        snapshotOf(date, shipped('a', { title: 'Other' }), shipped('b')),
      );
      expect(applied, date).to.equal(false);
    }
    expect((await find('acme/a')).title).to.equal('a');
    expect(await find('acme/b')).to.equal(undefined);
  });

  it('reaches versions of its models that a provider listed, and keeps what vanished switched off', async () => {
    const match = { starts_with: 'a-' };
    await applySnapshot(database(), snapshotOf('2026-01-01', shipped('a', { match })));
    const layers = {
      snapshot: factsByRule('acme', 'a-2'),
      synced: {},
      override: null,
      vanishedAt: new Date(),
    };
    const version = { id: 'acme/a-2', provider: 'acme', name: 'a-2', ...layers };
    await upsertModels(database().db, [{ ...version, ...mergeModel(layers) }]);
    await applySnapshot(
      database(),
      snapshotOf('2026-02-01', shipped('a', { match, usdPerMillionOutput: '7' })),
    );
    expect(await find('acme/a-2')).to.deep.include({
      title: 'a-2',
      usdPerMillionOutput: '7',
      enabled: false,
    });
  });
});

async function say(
  { db }: Pick<Database, 'db'>,
  id: string,
  said: Pick<ModelRecord, 'synced' | 'override'>,
): Promise<void> {
  const before = (await findModel(db, id)) as ModelRecord;
  await upsertModels(db, [{ ...before, ...said, ...mergeModel({ ...before, ...said }) }]);
}
