import { changePassword, forgotPassword, resetPassword } from '../../contracts/routes/passwords.ts';
import type { ChangePassword } from '../../services/change-password.ts';
import type { ForgottenPasswords } from '../../services/forgotten-passwords.ts';
import { createSignInAnswer, userAgent } from '../answer-sign-in.ts';
import { mountRoute } from '../mount-route.ts';
import type { RefreshCookie } from '../refresh-cookie.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes of passwords work with. */
export interface PasswordRouteDeps {
  changePassword: ChangePassword;
  forgottenPasswords: ForgottenPasswords;
  refreshCookie: RefreshCookie;
}

/** Changing a password, and setting one that was forgotten. */
export function passwordRoutes(deps: PasswordRouteDeps): RouteModule {
  const signedIn = createSignInAnswer(deps.refreshCookie);
  return (table) => {
    mountRoute(table, changePassword, ({ body }, { identity }) => deps.changePassword({ ...body, identity }));

    mountRoute(table, forgotPassword, async ({ body }) => deps.forgottenPasswords.ask(body.email));

    mountRoute(table, resetPassword, async ({ params, body }, { ctx }) =>
      signedIn(ctx, await deps.forgottenPasswords.reset({ ...params, ...body, userAgent: userAgent(ctx) })),
    );
  };
}
