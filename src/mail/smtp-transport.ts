import { createTransport } from 'nodemailer';
import type { MailTransport } from './ports.ts';

/** Longest wait for the mail server at any step, in milliseconds. */
const TIMEOUT_MS = 20_000;

/** Sends over SMTP, one connection a mail. STARTTLS where the server offers it; `smtps:` begins with TLS. */
export function createSmtpTransport(url: string): MailTransport {
  const transporter = createTransport({
    url,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async deliver(mail) {
      await transporter.sendMail(mail);
    },
    close: () => transporter.close(),
  };
}
