/** A mail to one person. */
export interface Mail {
  /** An e-mail address. */
  to: string;
  /** One line. */
  subject: string;
  /** Plain text. */
  text: string;
}

/** Sends mails. */
export interface Mailer {
  /**
   * Resolves when the mail server has taken it, or when it is written.
   *
   * @throws for an address or a subject that would add headers; when the mail server does not take it
   */
  send(mail: Mail): Promise<void>;
  /** May be called twice. */
  close(): void;
}

/** Brings a mail that is checked on its way. */
export interface MailTransport {
  deliver(mail: Mail & { from: string }): Promise<void>;
  close(): void;
}
