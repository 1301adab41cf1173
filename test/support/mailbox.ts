import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { until } from './until.ts';

/** The mails that a server without a mail server writes. */
export interface Mailbox {
  /** `DATA_DIR` of that server. */
  readonly dataDir: string;
  /** The mails to an address, as they were written, oldest first. */
  to(address: string): Promise<string[]>;
  /** The token in the link of the newest mail to an address, once it has `count` of them. */
  token(address: string, count?: number): Promise<string>;
  remove(): Promise<void>;
}

/** Makes an empty one. */
export async function createMailbox(): Promise<Mailbox> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'parley-mail-'));
  const folder = path.join(dataDir, 'mail');

  const to: Mailbox['to'] = async (address) => {
    const names = (await readdir(folder).catch(() => [])).sort();
    const mails = await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8')));
    return mails.filter((mail) => mail.includes(`\r\nTo: ${address}\r\n`));
  };

  return {
    dataDir,
    to,
    async token(address, count = 1) {
      await until(`${count} mails to ${address}`, async () => (await to(address)).length >= count);
      const mail = (await to(address)).at(-1) ?? '';
      // Lines of a mail are short: a `=` at their end joins them.
      const token = /#([\w-]{43})\s/.exec(mail.replaceAll('=\r\n', ''))?.[1];
      if (!token) throw new Error(`no link in:\n${mail}`);
      return token;
    },
    remove: () => rm(dataDir, { recursive: true, force: true }),
  };
}
