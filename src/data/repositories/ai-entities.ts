import { type Db, rows } from '../database.ts';
import type { AiEntityRecord } from '../entities/ai-entity.ts';

const COLUMNS = `user_id AS "userId", type, id, title, data, relations, created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Which record of a user. */
export interface AiEntityKey {
  userId: string;
  type: string;
  id: string;
}

/** Lets one change of a user's records happen at a time, until the transaction ends. */
export async function lockAiEntities(db: Db, userId: string): Promise<void> {
  await rows(db, `SELECT pg_advisory_xact_lock(hashtextextended('ai_entities:' || $1, 0))`, [userId]);
}

/** What a user has registered. */
export interface AiEntitySums {
  entities: number;
  relations: number;
  /** Of the data, as it is stored. */
  bytes: number;
}

/** Sums of what a user has registered, but for one record. */
export async function sumOtherAiEntities(db: Db, { userId, type, id }: AiEntityKey): Promise<AiEntitySums> {
  const [sums] = await rows<AiEntitySums>(
    db,
    `SELECT count(*)::int AS entities, coalesce(sum(jsonb_array_length(relations)), 0)::int AS relations,
            coalesce(sum(pg_column_size(data)), 0)::float8 AS bytes
       FROM ai_entities WHERE user_id = $1 AND (type, id) <> ($2, $3)`,
    [userId, type, id],
  );
  return sums as AiEntitySums;
}

/** What a record points to. */
export type AiEntityEdges = Pick<AiEntityRecord, 'type' | 'id' | 'relations'>;

/**
 * Whether a record would be reached from what it is to point to, however far: then all that is reached, with where it
 * points; empty when it is not. Each record is looked at once, and by its key: `OFFSET 0` keeps the planner from joining all
 * records again for each step, of which there may be thousands with a few records each.
 */
export async function findWayBack(
  db: Db,
  { userId, type, id }: AiEntityKey,
  relations: AiEntityRecord['relations'],
): Promise<AiEntityEdges[]> {
  return rows<AiEntityEdges>(
    db,
    `WITH RECURSIVE walk (type, id) AS (
       SELECT type, id FROM jsonb_to_recordset($4::jsonb) AS asked (type text, id text)
       UNION
       SELECT next.type, next.id
         FROM walk
              CROSS JOIN LATERAL (
                SELECT relations FROM ai_entities WHERE user_id = $1 AND type = walk.type AND id = walk.id OFFSET 0
              ) AS e
              CROSS JOIN LATERAL jsonb_to_recordset(e.relations) AS next (type text, id text)
        WHERE (walk.type, walk.id) <> ($2, $3)
     )
     SELECT e.type, e.id, e.relations FROM walk JOIN ai_entities e ON e.user_id = $1 AND e.type = walk.type AND e.id = walk.id
      WHERE EXISTS (SELECT FROM walk WHERE type = $2 AND id = $3)`,
    [userId, type, id, JSON.stringify(relations)],
  );
}

/** Stores a record, or puts it in the place of what was there. */
export async function putAiEntity(
  db: Db,
  entity: Omit<AiEntityRecord, 'createdAt' | 'updatedAt'>,
): Promise<AiEntityRecord> {
  const { userId, type, id, title, data, relations } = entity;
  const [stored] = await rows<AiEntityRecord>(
    db,
    `INSERT INTO ai_entities (user_id, type, id, title, data, relations) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (user_id, type, id) DO UPDATE
       SET title = excluded.title, data = excluded.data, relations = excluded.relations, updated_at = now()
     RETURNING ${COLUMNS}`,
    [userId, type, id, title, JSON.stringify(data), JSON.stringify(relations)],
  );
  return stored as AiEntityRecord;
}

/** Several records of one owner, in the order in which they are asked for; those that are not there are left out. */
export async function findAiEntities(
  db: Db,
  userId: string,
  keys: Omit<AiEntityKey, 'userId'>[],
): Promise<AiEntityRecord[]> {
  if (keys.length === 0) return [];
  return rows<AiEntityRecord>(
    db,
    `SELECT ${COLUMNS} FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS asked (asked_type, asked_id, place)
       JOIN ai_entities e ON e.user_id = $1 AND e.type = asked_type AND e.id = asked_id
      ORDER BY place`,
    [userId, keys.map(({ type }) => type), keys.map(({ id }) => id)],
  );
}

/** A user's records by type and id, those behind `after`. */
export async function listAiEntities(
  db: Db,
  { userId, after, limit }: { userId: string; after: AiEntityRecord | undefined; limit: number },
): Promise<AiEntityRecord[]> {
  const behind = after ? 'AND (type, id) > ($3, $4)' : '';
  return rows<AiEntityRecord>(
    db,
    `SELECT ${COLUMNS} FROM ai_entities WHERE user_id = $1 ${behind} ORDER BY type, id LIMIT $2`,
    after ? [userId, limit, after.type, after.id] : [userId, limit],
  );
}

/** Deletes a record. Returns false when it was not there, or is somebody else's. */
export async function deleteAiEntity(db: Db, { userId, type, id }: AiEntityKey): Promise<boolean> {
  const sql = 'DELETE FROM ai_entities WHERE user_id = $1 AND type = $2 AND id = $3 RETURNING 1';
  return (await rows(db, sql, [userId, type, id])).length > 0;
}
