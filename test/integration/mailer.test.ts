import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { expect } from 'chai';
import { createLogger } from '../../src/base/logger.ts';
import { createMailer } from '../../src/mail/mailer.ts';
import { createMailbox, type Mailbox } from '../support/mailbox.ts';

const mail = {
  to: 'ada@example.com',
  subject: 'Hello',
  text: `A link: https://x.example/#${'t'.repeat(43)}\n`,
};

/** Things that would add a header, a recipient, or both. */
const INJECTIONS = [
  'ada@example.com\r\nBcc: eve@example.com',
  'ada@example.com\nBcc: eve@example.com',
  'ada@example.com, eve@example.com',
  'Ada <ada@example.com>',
  'all: ada@example.com;',
  '"a,b"@example.com',
  'ada@example.com\u0000',
  'ada',
  '',
];

describe('mails', () => {
  let mailbox: Mailbox;
  const logged: string[] = [];
  const log = createLogger({
    level: 'debug',
    pretty: false,
    destination: { write: (line) => logged.push(line) },
  });

  beforeEach(async () => {
    mailbox = await createMailbox();
    logged.length = 0;
  });
  afterEach(() => mailbox.remove());

  const open = (SMTP_URL?: string, MAIL_FROM?: string) =>
    createMailer({ SMTP_URL, MAIL_FROM, DATA_DIR: mailbox.dataDir }, log);

  describe('without a mail server', () => {
    it('are files that only their owner reads; the log says where, and nothing of what they say', async () => {
      await open().send(mail);
      const folder = path.join(mailbox.dataDir, 'mail');
      const [name = ''] = await readdir(folder);
      expect(name).to.match(/\.eml$/);
      const file = path.join(folder, name);
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
      expect((await stat(folder)).mode & 0o777).to.equal(0o700);
      const [text] = await mailbox.to(mail.to);
      expect(text).to.include('\r\nSubject: Hello\r\n').and.to.include('From: Parley <parley@localhost>\r\n');
      expect(await mailbox.token(mail.to)).to.equal('t'.repeat(43));
      expect(JSON.parse(logged.join(''))).to.include({ file });
      expect(logged.join('')).to.not.include('ttt').and.to.not.include(mail.to);
    });

    it('are refused with an address or a subject that would add a header', async () => {
      const mailer = open();
      for (const to of INJECTIONS)
        expect(await failed(mailer.send({ ...mail, to })), to).to.match(/one e-mail/);
      for (const subject of ['a\r\nBcc: eve@example.com', 'a\nb', 'a\u0000']) {
        expect(await failed(mailer.send({ ...mail, subject }))).to.match(/control characters/);
      }
      expect(await readdir(mailbox.dataDir)).to.deep.equal([]);
    });
  });

  describe('with a mail server', () => {
    it('are handed to it, from who the configuration says', async () => {
      const server = await startSmtpServer();
      const mailer = open(`smtp://127.0.0.1:${server.port}`, 'Parley <parley@example.com>');
      await mailer.send(mail);
      mailer.close();
      server.close();
      expect(server.heard).to.include('MAIL FROM:<parley@example.com>');
      expect(server.heard.filter((line) => line.startsWith('RCPT'))).to.deep.equal([
        'RCPT TO:<ada@example.com>',
      ]);
      expect(server.heard).to.include('From: Parley <parley@example.com>').and.to.include('Subject: Hello');
      expect(await readdir(mailbox.dataDir)).to.deep.equal([]);
    });

    it('fail when it does not take them, or is not there', async () => {
      const server = await startSmtpServer('550 5.1.1 no such user');
      const url = `smtp://127.0.0.1:${server.port}`;
      expect(await failed(open(url, 'parley@example.com').send(mail))).to.match(/answered 550 5\.1\.1$/);
      server.close();
      expect(await failed(open(url, 'parley@example.com').send(mail))).to.match(/ECONNREFUSED/);
    });
  });
});

/** What it fails with. */
const failed = (sending: Promise<void>): Promise<string> =>
  sending.then(
    () => 'it was sent',
    (error: Error) => error.message,
  );

/** A mail server that writes down what it hears. */
async function startSmtpServer(recipientAnswer = '250 ok') {
  const heard: string[] = [];
  const server = net.createServer((socket) => {
    let inData = false;
    let rest = '';
    socket.on('error', () => {});
    socket.write('220 test\r\n');
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString()).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        heard.push(line);
        if (inData && line !== '.') continue;
        const isStart = !inData && line === 'DATA';
        const answer = line.startsWith('RCPT') ? recipientAnswer : isStart ? '354 go on' : '250 ok';
        inData = isStart;
        socket.write(`${answer}\r\n`);
        if (line === 'QUIT') socket.end();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { heard, port: (server.address() as net.AddressInfo).port, close: () => server.close() };
}
