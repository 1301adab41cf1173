import { type Db, rows } from '../database.ts';
import type { CatalogueStateRecord } from '../entities/model.ts';

/** Day of the newest snapshot that was applied, as in `2026-11-20`; null before the first. */
export async function findSnapshotDate(db: Db): Promise<string | null> {
  const [found] = await rows<{ date: string | null }>(
    db,
    'SELECT max(snapshot_date)::text AS date FROM catalogue_state',
  );
  return found?.date ?? null;
}

/** Keeps that a snapshot was applied, for all of its providers. */
export async function setSnapshotDate(db: Db, providers: string[], date: string): Promise<void> {
  await rows(
    db,
    `INSERT INTO catalogue_state (provider, snapshot_date) SELECT provider, $2::date FROM unnest($1::text[]) AS provider
     ON CONFLICT (provider) DO UPDATE SET snapshot_date = excluded.snapshot_date`,
    [providers, date],
  );
}

/** What the catalogue has of each provider. */
export function listCatalogueStates(db: Db): Promise<CatalogueStateRecord[]> {
  return rows<CatalogueStateRecord>(
    db,
    `SELECT provider, snapshot_date::text AS "snapshotDate", synced_at AS "syncedAt", endpoint FROM catalogue_state
      ORDER BY provider`,
  );
}

/** Keeps that a provider's list was taken over just now, and from where. */
export async function setSynced(db: Db, provider: string, endpoint: string | null): Promise<void> {
  await rows(
    db,
    `INSERT INTO catalogue_state (provider, synced_at, endpoint) VALUES ($1, now(), $2)
     ON CONFLICT (provider) DO UPDATE SET synced_at = excluded.synced_at, endpoint = excluded.endpoint`,
    [provider, endpoint],
  );
}
