import { PERMISSIONS } from '../contracts/permissions.ts';
import type { Preferences, Profile } from '../contracts/routes/user.ts';
import type { ProfileRow } from '../data/repositories/profiles.ts';

/** What is told of an account beside its row. */
export type ProfileFacts = Pick<Profile, 'usageLimits'> & { stats: Omit<Profile['stats'], 'loginCount'> };

/** What nobody has chosen. */
const DEFAULTS: Preferences = { theme: 'auto', language: null, notifications: {} };

/** An account for its owner, in the shape of the contract. */
export function presentProfile(row: ProfileRow, { usageLimits, stats }: ProfileFacts): Profile {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    emailVerified: row.emailVerifiedAt !== null,
    permissions: row.allPermissions ? [...PERMISSIONS] : row.permissions,
    bio: row.bio,
    preferences: { ...DEFAULTS, ...row.preferences },
    favoriteModels: row.favoriteModels,
    usageLimits,
    stats: { ...stats, loginCount: row.loginCount },
    createdAt: row.createdAt.toISOString(),
  };
}
