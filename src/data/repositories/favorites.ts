import { type Db, rows } from '../database.ts';

/** Lets only one transaction at a time change the favourites of a user. Returns false when there is no such user. */
export async function lockFavoritesOf(db: Db, userId: string): Promise<boolean> {
  return (await rows(db, 'SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId])).length > 0;
}

/** Takes a mark away. Returns false when there was none. */
export async function deleteFavorite(db: Db, userId: string, modelId: string): Promise<boolean> {
  const sql = 'DELETE FROM favorite_models WHERE user_id = $1 AND model_id = $2 RETURNING model_id';
  return (await rows(db, sql, [userId, modelId])).length > 0;
}

/** Whether a user has marked a model. */
export async function isFavorite(db: Db, userId: string, modelId: string): Promise<boolean> {
  const sql = 'SELECT 1 FROM favorite_models WHERE user_id = $1 AND model_id = $2';
  return (await rows(db, sql, [userId, modelId])).length > 0;
}

/** Marks a model, unless the user has marked `most` already. Returns whether it is marked. */
export async function insertFavorite(
  db: Db,
  { userId, modelId, most }: { userId: string; modelId: string; most: number },
): Promise<boolean> {
  const inserted = await rows(
    db,
    `INSERT INTO favorite_models (user_id, model_id)
     SELECT $1, $2 WHERE (SELECT count(*) FROM favorite_models WHERE user_id = $1) < $3 RETURNING model_id`,
    [userId, modelId, most],
  );
  return inserted.length > 0;
}
