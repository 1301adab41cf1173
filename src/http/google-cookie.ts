import type { Config } from '../base/config.ts';
import { looksLikeSecret } from '../base/secrets.ts';
import { PENDING_MS } from '../google/state-store.ts';
import type { AppContext } from './context.ts';

/** What binds a sign-in with Google to the browser that began it. */
export interface GoogleCookie {
  /** Undefined without one that we made. */
  read(ctx: AppContext): string | undefined;
  write(ctx: AppContext, secret: string): void;
  clear(ctx: AppContext): void;
}

/**
 * Makes the access to the cookie. `SameSite=Lax`: it has to come along when Google sends the browser back. In production
 * it is `Secure`, and its name keeps other hosts of the domain from setting one.
 * https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
 */
export function createGoogleCookie({ production }: Pick<Config, 'production'>): GoogleCookie {
  const name = production ? '__Host-parley_google' : 'parley_google';
  const secure = production ? '; Secure' : '';
  const set = (ctx: AppContext, value: string, seconds: number) =>
    ctx.append('Set-Cookie', `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`);
  return {
    read(ctx) {
      const secret = ctx.cookies.get(name);
      return secret !== undefined && looksLikeSecret(secret) ? secret : undefined;
    },
    write: (ctx, secret) => set(ctx, secret, PENDING_MS / 1000),
    clear: (ctx) => set(ctx, '', 0),
  };
}
