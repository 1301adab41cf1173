import type { OwnedIdPage } from '../../base/page-by-id.ts';
import { type Db, rows } from '../database.ts';
import type { GroupRecord } from '../entities/group.ts';

const COLUMNS = 'id, user_id AS "userId", name, created_at AS "createdAt", updated_at AS "updatedAt"';

/** A user's groups, newest first. */
export async function listGroups(db: Db, { userId, limit, before }: OwnedIdPage): Promise<GroupRecord[]> {
  const older = before === undefined ? '' : 'AND id < $3';
  return rows<GroupRecord>(
    db,
    `SELECT ${COLUMNS} FROM groups WHERE user_id = $1 ${older} ORDER BY id DESC LIMIT $2`,
    before === undefined ? [userId, limit] : [userId, limit, before],
  );
}

/** A group of one owner; undefined when there is none, or it is somebody else's. */
export async function findOwnedGroup(db: Db, userId: string, id: string): Promise<GroupRecord | undefined> {
  const sql = `SELECT ${COLUMNS} FROM groups WHERE id = $1 AND user_id = $2`;
  return (await rows<GroupRecord>(db, sql, [id, userId]))[0];
}

/**
 * Keeps a group from being deleted until the transaction ends. Returns false when it is not there, or is
 * somebody else's.
 */
export async function lockOwnedGroup(db: Db, userId: string, id: string): Promise<boolean> {
  const sql = 'SELECT 1 FROM groups WHERE id = $1 AND user_id = $2 FOR KEY SHARE';
  return (await rows(db, sql, [id, userId])).length > 0;
}

/** Stores a group. */
export async function insertGroup(
  db: Db,
  { id, userId, name }: Pick<GroupRecord, 'id' | 'userId' | 'name'>,
): Promise<GroupRecord> {
  const [group] = await rows<GroupRecord>(
    db,
    `INSERT INTO groups (id, user_id, name) VALUES ($1, $2, $3) RETURNING ${COLUMNS}`,
    [id, userId, name],
  );
  return group as GroupRecord;
}

/** Renames a group. Undefined when there is none, or it is somebody else's. */
export async function renameGroup(
  db: Db,
  { id, userId, name }: Pick<GroupRecord, 'id' | 'userId' | 'name'>,
): Promise<GroupRecord | undefined> {
  const [group] = await rows<GroupRecord>(
    db,
    `UPDATE groups SET name = $3, updated_at = now() WHERE id = $1 AND user_id = $2 RETURNING ${COLUMNS}`,
    [id, userId, name],
  );
  return group;
}

/**
 * Deletes a group; its sessions stay, ungrouped. In a transaction: the group is locked before its sessions are looked for,
 * so that one that is put into it meanwhile is among them.
 *
 * @returns the ids of its sessions; undefined when it was not there, or is somebody else's
 */
export async function deleteGroupRow(db: Db, userId: string, id: string): Promise<string[] | undefined> {
  const locked = 'SELECT 1 FROM groups WHERE id = $1 AND user_id = $2 FOR UPDATE';
  if ((await rows(db, locked, [id, userId])).length === 0) return undefined;
  const left = await rows<{ id: string }>(
    db,
    `WITH gone AS (DELETE FROM groups WHERE id = $1)
     UPDATE sessions SET group_id = NULL, updated_at = now() WHERE group_id = $1 RETURNING id`,
    [id],
  );
  return left.map((session) => session.id);
}
