import type { Core } from './compose.ts';
import type { RefreshCookie } from './http/refresh-cookie.ts';
import type { RouteModule } from './http/route-table.ts';
import { userRoutes } from './http/routes/user.ts';
import type { DeleteAccount } from './services/delete-account.ts';
import { createDeleteOwnAccount } from './services/delete-own-account.ts';
import { createExportUser } from './services/export-user.ts';
import { createFavorites } from './services/favorites.ts';
import { createProfiles } from './services/profile.ts';
import type { RateLimits } from './services/rate-limits.ts';

/** What the web process gives to the routes of an account. */
export interface UserParts {
  deleteAccount: DeleteAccount;
  rateLimits: Pick<RateLimits, 'login'>;
  refreshCookie: Pick<RefreshCookie, 'clear'>;
}

/** Builds `/user`: an account, for its owner. */
export function composeUser(
  core: Core,
  { deleteAccount, rateLimits, refreshCookie }: UserParts,
): RouteModule {
  const { log, limits, inrPerUsd, models, providers, liveMessages } = core;
  const { database } = core.resources;
  const profiles = createProfiles({ database, limits, inrPerUsd });
  return userRoutes({
    profiles,
    favorites: createFavorites({ database, models, served: providers.names }),
    exportUser: createExportUser({ database, profiles, present: liveMessages.present, inrPerUsd }),
    deleteOwnAccount: createDeleteOwnAccount({ database, deleteAccount, rateLimits }),
    refreshCookie,
    log,
  });
}
