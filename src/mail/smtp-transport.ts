import type { Transporter } from 'nodemailer';
import type { MailTransport } from './ports.ts';

/** Longest wait for the mail server at any step, in milliseconds. */
const TIMEOUT_MS = 20_000;

/** Sends over SMTP, one connection a mail. STARTTLS where the server offers it; `smtps:` begins with TLS. */
export function createSmtpTransport(url: string): MailTransport {
  let transporter: Promise<Transporter> | undefined;
  /** The package is loaded with the first mail: that takes a tenth of a second, which no start should wait for. */
  const load = async () => {
    const { createTransport } = await import('nodemailer');
    return createTransport({
      url,
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  };
  return {
    async deliver(mail) {
      try {
        transporter ??= load();
        await (await transporter).sendMail(mail);
      } catch (error) {
        throw withoutQuotes(error);
      }
    },
    close: () =>
      void transporter?.then(
        (opened) => opened.close(),
        () => {},
      ),
  };
}

/**
 * A failure as it may be logged: servers quote what they refuse, be it the credentials, the address, or the mail with its
 * link. Of an answer only the codes are kept (https://www.rfc-editor.org/rfc/rfc3463), and what the library says itself.
 */
function withoutQuotes(error: unknown): unknown {
  const { message, code, response } = error as Error & { code?: unknown; response?: unknown };
  if (typeof response !== 'string') return error;
  const [codes] = /^\d{3}([ -]\d\.\d{1,3}\.\d{1,3}\b)?/.exec(response) ?? ['nothing that could be read'];
  const [what] = message.split(':');
  return Object.assign(new Error(`${what}: the mail server answered ${codes}`), { code });
}
