import {
  createSession,
  deleteSession,
  getSession,
  listSessions,
  setSessionFavorite,
  setSessionGroup,
  updateSession,
} from '../../contracts/routes/sessions.ts';
import type { Messages } from '../../services/messages.ts';
import type { Sessions } from '../../services/sessions.ts';
import { mountRoute } from '../mount-route.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of sessions run. */
export interface SessionRouteDeps {
  sessions: Sessions;
  messages: Pick<Messages, 'openSession'>;
}

/** `/sessions`: conversations. Their exports: `exports.ts`. */
export function sessionRoutes({ sessions, messages }: SessionRouteDeps): RouteModule {
  return (table) => {
    mountRoute(table, listSessions, ({ query }, { identity }) => sessions.list(identity.userId, query));

    mountRoute(table, createSession, ({ body = {} }, { identity }) => sessions.create(identity.userId, body));

    mountRoute(table, getSession, ({ params }, { identity }) =>
      messages.openSession(identity.userId, params.id),
    );

    mountRoute(table, updateSession, ({ params, body }, { identity }) =>
      sessions.update(identity.userId, params.id, body),
    );

    mountRoute(table, setSessionFavorite, ({ params, body }, { identity }) =>
      sessions.update(identity.userId, params.id, body),
    );

    mountRoute(table, setSessionGroup, ({ params, body }, { identity }) =>
      sessions.update(identity.userId, params.id, body),
    );

    mountRoute(table, deleteSession, async ({ params }, { identity }) => {
      await sessions.remove(identity.userId, params.id);
    });
  };
}
