import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { newId } from '../base/ids.ts';
import type { Logger } from '../base/logger.ts';
import type { MailTransport } from './ports.ts';

/**
 * Writes mails to `<dataDir>/mail/*.eml`, for whoever runs this machine alone. The log says where; what they say is
 * as good as a password.
 */
export function createFileTransport(dataDir: string, log: Logger): MailTransport {
  const folder = path.resolve(dataDir, 'mail');
  let composer: ReturnType<typeof createComposer> | undefined;
  return {
    async deliver(mail) {
      composer ??= createComposer();
      const { message } = await (await composer).sendMail(mail);
      await mkdir(dataDir, { recursive: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = path.join(folder, `${newId()}.eml`);
      await writeFile(file, message as Buffer, { mode: 0o600, flag: 'wx' });
      log.info({ file }, 'there is no mail server: a mail was written to a file');
    },
    close: () =>
      void composer?.then(
        (opened) => opened.close(),
        () => {},
      ),
  };
}

/** The package is loaded with the first mail: that takes a tenth of a second, which no start should wait for. */
async function createComposer() {
  const { createTransport } = await import('nodemailer');
  return createTransport({
    streamTransport: true,
    newline: 'windows',
    buffer: true,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}
