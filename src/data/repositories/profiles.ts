import type { Preferences } from '../../contracts/routes/user.ts';
import { type Db, rows } from '../database.ts';
import type { RoleRecord } from '../entities/role.ts';
import type { UserRecord } from '../entities/user.ts';

/** What is stored of preferences: what was never chosen is not there. */
export type StoredPreferences = Partial<Preferences>;

/** An account, as far as its profile shows it; nothing that signs in. */
export type ProfileRow = Pick<
  UserRecord,
  'id' | 'email' | 'name' | 'role' | 'emailVerifiedAt' | 'createdAt'
> &
  Pick<RoleRecord, 'permissions' | 'allPermissions'> & {
    bio: string | null;
    preferences: StoredPreferences;
    loginCount: number;
    /** In the order of the ids. */
    favoriteModels: string[];
  };

/** The profile of an account; undefined when there is none. */
export async function findProfile(db: Db, userId: string): Promise<ProfileRow | undefined> {
  const found = await rows<ProfileRow>(
    db,
    `SELECT users.id, email, users.name, role, email_verified_at AS "emailVerifiedAt",
            users.created_at AS "createdAt", bio, preferences, login_count AS "loginCount",
            coalesce(permissions, '[]') AS permissions, coalesce(all_permissions, false) AS "allPermissions",
            ARRAY(SELECT model_id FROM favorite_models WHERE user_id = users.id ORDER BY model_id) AS "favoriteModels"
       FROM users LEFT JOIN roles ON roles.name = users.role WHERE users.id = $1`,
    [userId],
  );
  return found[0];
}

/** What an owner changes; undefined leaves it, null takes it away. */
export interface ProfileRowChanges {
  name?: string | null | undefined;
  bio?: string | null | undefined;
  preferences?: { [K in keyof Preferences]?: Preferences[K] | null | undefined } | undefined;
}

/** Changes a profile. Returns false when there is no such account. */
export async function updateProfileRow(
  db: Db,
  userId: string,
  { name, bio, preferences = {} }: ProfileRowChanges,
): Promise<boolean> {
  const updated = await rows(
    db,
    // Each key of the preferences by itself: of two changes at once, neither takes back the other.
    `UPDATE users SET name = CASE WHEN $2 THEN $3 ELSE name END, bio = CASE WHEN $4 THEN $5 ELSE bio END,
            preferences = jsonb_strip_nulls(preferences || $6::jsonb), updated_at = now()
      WHERE id = $1 RETURNING id`,
    [userId, name !== undefined, name ?? null, bio !== undefined, bio ?? null, JSON.stringify(preferences)],
  );
  return updated.length > 0;
}
