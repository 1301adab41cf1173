import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createTransport } from 'nodemailer';
import { newId } from '../base/ids.ts';
import type { Logger } from '../base/logger.ts';
import type { MailTransport } from './ports.ts';

/**
 * Writes mails to `<dataDir>/mail/*.eml`, for whoever runs this machine alone. The log says where; what they say is
 * as good as a password.
 */
export function createFileTransport(dataDir: string, log: Logger): MailTransport {
  const folder = path.resolve(dataDir, 'mail');
  const composer = createTransport({
    streamTransport: true,
    newline: 'windows',
    buffer: true,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async deliver(mail) {
      const { message } = await composer.sendMail(mail);
      await mkdir(dataDir, { recursive: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = path.join(folder, `${newId()}.eml`);
      await writeFile(file, message as Buffer, { mode: 0o600, flag: 'wx' });
      log.info({ file }, 'there is no mail server: a mail was written to a file');
    },
    close: () => composer.close(),
  };
}
