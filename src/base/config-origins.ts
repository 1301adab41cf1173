import { z } from 'zod';

/** What browsers send as `Origin`, also those of apps and extensions: https://www.rfc-editor.org/rfc/rfc6454#section-6.1 */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/;
const BROWSED = /^https?:\/\/[^*]+$/;

/** Origins, comma separated, as browsers write them; `*` stands for any. */
export const originList = z
  .string()
  .default('')
  .transform((value, context) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean)
      .map((item) => {
        if (item === '*') return item;
        const origin = asOrigin(item);
        if (origin !== undefined && ORIGIN.test(origin)) return origin;
        const message = `"${item}" is neither * nor an origin, as in https://chat.example or http://localhost:3000`;
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      }),
  );

/** In lower case, without the slash that does no harm; of the web also without the port that goes without saying. */
function asOrigin(item: string): string | undefined {
  const bare = item.replace(/\/$/, '').toLowerCase();
  if (!/^https?:/.test(bare)) return bare;
  if (!BROWSED.test(bare) || !URL.canParse(bare)) return undefined;
  const { href, origin } = new URL(bare);
  return href === `${origin}/` ? origin : undefined;
}
