import type { Config } from '../base/config.ts';
import type { Logger } from '../base/logger.ts';
import { createFileTransport } from './file-transport.ts';
import type { Mailer } from './ports.ts';
import { createSmtpTransport } from './smtp-transport.ts';

/** Who mails are from that never leave this machine. */
const LOCAL_SENDER = 'Parley <parley@localhost>';

/** What of the configuration is about mails. */
export type MailConfig = Pick<Config, 'SMTP_URL' | 'MAIL_FROM' | 'DATA_DIR'>;

/** The mailer of a configuration: over SMTP, or without a server into files. */
export function createMailer({ SMTP_URL, MAIL_FROM, DATA_DIR }: MailConfig, log: Logger): Mailer {
  const transport = SMTP_URL ? createSmtpTransport(SMTP_URL) : createFileTransport(DATA_DIR, log);
  const from = MAIL_FROM ?? LOCAL_SENDER;
  return {
    async send(mail) {
      requireOneLine('subject', mail.subject);
      requireOneAddress(mail.to);
      await transport.deliver({ ...mail, from });
    },
    close: () => transport.close(),
  };
}

/** A line break would begin another header. */
function requireOneLine(field: string, value: string): void {
  if (/\p{Cc}/u.test(value)) throw new Error(`the ${field} of a mail has control characters`);
}

/** What a mail library would take for a list, a group or a name is none. */
function requireOneAddress(to: string): void {
  if (!/^[^\s<>@,;:"()\\\p{Cc}]+@[^\s<>@,;:"()\\\p{Cc}]+$/u.test(to)) {
    throw new Error('a mail is for exactly one e-mail address');
  }
}
