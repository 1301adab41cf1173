import { once } from 'node:events';
import net from 'node:net';

/** A local mail server that may quote what it was told, as some do that refuse it. */
export interface SmtpServer {
  /** With the credentials. */
  readonly url: string;
  /** The texts of the mails that came, oldest first; those that were refused, too. */
  readonly mails: string[];
  /** How it takes the next mails: well; or refuses who sends, or the mail, quoting either. */
  mood: 'well' | 'no sender' | 'no mail';
  close(): void;
}

/** Starts it on a free port. It asks for a name and a password. */
export async function startSmtpServer(password: string): Promise<SmtpServer> {
  const mails: string[] = [];
  const server = net.createServer((socket) => {
    let text: string[] | undefined;
    let rest = '';
    const say = (line: string) => socket.write(`${line}\r\n`);
    const hear = (line: string): unknown => {
      if (text && line !== '.') return text.push(line);
      if (text) {
        const mail = text.join('\n').replaceAll('=\n', '').replaceAll('=3D', '=');
        text = undefined;
        mails.push(mail);
        return say(
          smtp.mood === 'no mail' ? `554 refused for what it says: ${mail.replace(/\s+/g, ' ')}` : '250 ok',
        );
      }
      const [verb = '', , credentials = ''] = line.split(' ');
      if (verb === 'EHLO') return say('250-here\r\n250 AUTH PLAIN');
      if (verb === 'DATA') {
        text = [];
        return say('354 go on');
      }
      if (verb !== 'AUTH' || smtp.mood !== 'no sender') return say(verb === 'AUTH' ? '235 ok' : '250 ok');
      const [, name, secret] = Buffer.from(credentials, 'base64').toString().split('\0');
      return say(`535 refused: ${name} with the password ${secret} (${credentials})`);
    };
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString()).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) hear(line);
    });
    say('220 here');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const smtp: SmtpServer = {
    url: `smtp://mailer:${password}@127.0.0.1:${port}`,
    mails,
    mood: 'well',
    close: () => server.close(),
  };
  return smtp;
}
