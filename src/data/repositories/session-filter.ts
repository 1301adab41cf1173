import type { SessionKind } from '../../contracts/session.ts';

/** Which of a user's sessions are listed; what is undefined does not matter. */
export interface SessionFilter {
  /** The id of a group, or `none` for sessions outside of any. */
  group?: string | undefined;
  favourite?: boolean | undefined;
  kind?: SessionKind | undefined;
  /** Part of the title, whatever its case. */
  search?: string | undefined;
}

/** A place in a list of sessions. The database keeps milliseconds of `last_activity_at`, so this is exact. */
export interface SessionPosition {
  lastActivityAt: Date;
  id: string;
}

/**
 * The conditions of a list of sessions. Only what is asked for is in the statement (no `$n IS NULL OR …`), and
 * the flag is written out, not a parameter: so each combination can use an index, a partial one too, under
 * generic plans as well. See docs/query-plans.md.
 */
export function sessionConditions({
  userId,
  after,
  group,
  favourite,
  kind,
  search,
}: SessionFilter & { userId: string; after?: SessionPosition | undefined }): {
  where: string;
  params: unknown[];
} {
  const params: unknown[] = [userId];
  const param = (value: unknown): string => `$${params.push(value)}`;
  const where = [ownedBy(group, param)];
  if (group === 'none') where.push('group_id IS NULL');
  if (favourite !== undefined) where.push(favourite ? 'is_favorite' : 'NOT is_favorite');
  if (kind !== undefined) where.push(`kind = ${param(kind)}`);
  if (search !== undefined) where.push(`title ILIKE ${param(`%${escapeLike(search)}%`)}`);
  if (after) where.push(`(last_activity_at, id) < (${param(after.lastActivityAt)}, ${param(after.id)})`);
  return { where: where.join(' AND '), params };
}

/**
 * The sessions in a group are those of its owner, so the group decides. With `user_id = $1` beside it, a generic
 * plan would read all sessions of the user instead.
 */
function ownedBy(group: string | undefined, param: (value: unknown) => string): string {
  if (group === undefined || group === 'none') return 'user_id = $1';
  return `group_id = (SELECT id FROM groups WHERE id = ${param(group)} AND user_id = $1)`;
}

/** The text itself as a LIKE pattern. */
const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
