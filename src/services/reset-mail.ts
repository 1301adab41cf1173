import type { Mail } from '../mail/ports.ts';
import { inWords } from './duration-words.ts';

/** What the mail is made of. */
export interface ResetMailParts {
  to: string;
  token: string;
  /** Where browsers find the server. */
  publicUrl: string;
  /** Life of the token. */
  minutes: number;
}

/**
 * The mail with a link to set a password. The token stands behind `#`: browsers send that to no server, and so it is in
 * no access log. The page there gives it to `PATCH /auth/reset-password/:token`.
 */
export function resetMail({ to, token, publicUrl, minutes }: ResetMailParts): Mail {
  return {
    to,
    subject: 'Set a new password for Parley',
    text: `Hello,

somebody asked to set a new password for your account. If it was you,
open this link within ${inWords(minutes * 60)}; it works once:

${publicUrl}/reset#${token}

If it was not you, do nothing: your password stays as it is.
`,
  };
}
