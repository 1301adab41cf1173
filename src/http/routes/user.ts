import { dayOf } from '../../base/days.ts';
import type { Logger } from '../../base/logger.ts';
import {
  deleteAccount,
  exportUser,
  getUserProfile,
  listFavorites,
  toggleFavorite,
  updateUserProfile,
} from '../../contracts/routes/user.ts';
import { exportUserJson } from '../../presenters/export-user-json.ts';
import { fileNameOf } from '../../presenters/file-name.ts';
import type { DeleteOwnAccount } from '../../services/delete-own-account.ts';
import type { ExportUser } from '../../services/export-user.ts';
import type { Favorites } from '../../services/favorites.ts';
import type { Profiles } from '../../services/profile.ts';
import { mountRoute } from '../mount-route.ts';
import type { RefreshCookie } from '../refresh-cookie.ts';
import type { RouteModule } from '../route-table.ts';
import { sendFile } from '../send-file.ts';

/** What the routes of an account run. */
export interface UserRouteDeps {
  profiles: Profiles;
  favorites: Favorites;
  exportUser: ExportUser;
  deleteOwnAccount: DeleteOwnAccount;
  refreshCookie: Pick<RefreshCookie, 'clear'>;
  log: Logger;
}

/** `/user`: an account, for its owner. Statistics, the statement and keys have files of their own. */
export function userRoutes({ profiles, favorites, refreshCookie, log, ...deps }: UserRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, getUserProfile, (_input, { identity }) => profiles.get(identity.userId));

    mountRoute(table, updateUserProfile, ({ body }, { identity }) => profiles.update(identity.userId, body));

    mountRoute(table, listFavorites, ({ query }, { identity }) => favorites.list(identity.userId, query));

    mountRoute(table, toggleFavorite, ({ params }, { identity }) =>
      favorites.toggle(identity.userId, params.modelId),
    );

    mountRoute(table, exportUser, async (_input, { identity, ctx }) => {
      const exported = await deps.exportUser(identity.userId);
      const name = fileNameOf(`parley ${dayOf(Date.parse(exported.exportedAt))}`, 'json');
      sendFile(ctx, { name, pieces: exportUserJson(exported), log });
    });

    mountRoute(table, deleteAccount, async ({ body }, { identity, ctx }) => {
      await deps.deleteOwnAccount(identity.userId, body);
      refreshCookie.clear(ctx);
    });
  };
}
