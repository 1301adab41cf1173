import type { SessionKind } from '../../contracts/session.ts';
import { alive } from './kept-sessions.ts';

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

/** The conditions of a list of sessions, as SQL, and their parameters. */
export interface SessionConditions {
  /** What an index finds. */
  found: string[];
  /** What is left out of that, in no index, where it must not lead the planner away from the index. */
  filters: string[];
  params: unknown[];
}

/**
 * What is asked for as conditions. Only that is in the statement (no `$n IS NULL OR …`), and the flag is written
 * out, so that its partial index can be used.
 */
export function sessionConditions({
  userId,
  after,
  group,
  favourite,
  kind,
  search,
}: SessionFilter & { userId: string; after?: SessionPosition | undefined }): SessionConditions {
  const params: unknown[] = [userId];
  const param = (value: unknown): string => `$${params.push(value)}`;
  const grouped = group !== undefined && group !== 'none';

  const found = [grouped ? `group_id = ${ownGroup(param(group))}` : 'user_id = $1', alive('sessions')];
  if (kind !== undefined) found.push(`kind = ${param(kind)}`);
  if (favourite === true) found.push('is_favorite');
  if (after) found.push(`(last_activity_at, id) < (${param(after.lastActivityAt)}, ${param(after.id)})`);

  const filters: string[] = [];
  if (group === 'none') filters.push('group_id IS NULL');
  if (favourite === false) filters.push('NOT is_favorite');
  if (search !== undefined) filters.push(`title ILIKE ${param(`%${escapeLike(search)}%`)}`);
  // A group is little enough for the planner never to think of reading the whole table instead.
  return grouped ? { found: [...found, ...filters], filters: [], params } : { found, filters, params };
}

/**
 * The group, if it is this user's: its sessions are too. Of the two ids only the group's can be looked up, or a
 * generic plan would go through everything of the user.
 */
const ownGroup = (id: string): string =>
  `(SELECT CASE WHEN user_id = $1 THEN id END FROM groups WHERE id = ${id})`;

/** The text itself as a LIKE pattern. */
export const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
