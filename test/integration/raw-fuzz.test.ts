import net from 'node:net';
import { Writable } from 'node:stream';
import { expect } from 'chai';
import { createLogger } from '../../src/base/logger.ts';
import { useTestDatabase } from '../support/database.ts';
import { type Random, random } from '../support/random.ts';
import { encodeFrame, strangeFrame, strangePacket } from '../support/strange-frames.ts';
import { type Known, pick, strangeRequest } from '../support/strange-requests.ts';
import { signUp } from '../support/test-user.ts';
import { startWholeApp, type WholeApp } from '../support/whole-app.ts';

/** Conversations of a round, which go on at once. */
const AT_ONCE = 24;
/** What does not end by itself is reset, wherever it is: nobody knows what is to come of strange bytes. */
const PATIENCE_MS = 60;

describe('strange bytes', () => {
  const database = useTestDatabase();
  /** What was logged as an error of this side. */
  const failures: string[] = [];
  let app: WholeApp;
  let known: Known;
  let token: string;

  before(async () => {
    const destination = new Writable({
      write(line, _encoding, done) {
        failures.push(String(line));
        done();
      },
    });
    const log = createLogger({ level: 'error', pretty: false, destination });
    const env = { CORS_ORIGINS: 'https://chat.example', TRUST_PROXY_HOPS: '1' };
    app = await startWholeApp(database(), { without: 'worker', log, env });
    const user = await signUp(app);
    token = user.token;
    const document = (await (await fetch(`${app.url}/openapi.json`)).json()) as { paths: object };
    known = { paths: Object.keys(document.paths), authorization: `Bearer ${token}` };
  });
  after(() => app.close());

  /** Sends one piece after the other, each when something was answered; gives what was. */
  function say(...pieces: (string | Buffer)[]): Promise<string> {
    return new Promise((resolve) => {
      const socket = net.connect(Number(new URL(app.url).port), '127.0.0.1');
      const late = setTimeout(() => socket.resetAndDestroy(), PATIENCE_MS);
      let heard = '';
      const sayNext = () => {
        const piece = pieces.shift();
        if (piece !== undefined)
          socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
      };
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1');
        sayNext();
      });
      socket.on('error', () => {});
      socket.once('close', () => {
        clearTimeout(late);
        resolve(heard);
      });
      sayNext();
    });
  }

  /** No answer says that this side has failed, nothing was logged as that, and the next request is answered. */
  async function expectUnharmed(
    rounds: number,
    conversation: (numbers: Random) => Promise<string>,
  ): Promise<void> {
    const numbers = random();
    const seed = `TEST_SEED=${numbers.seed}`;
    for (let left = rounds; left > 0; left -= 1) {
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => conversation(numbers)));
      for (const answer of answers) {
        expect(answer, seed).to.not.match(/HTTP\/1\.1 50[0-24-9]|"code":"internal"/);
      }
    }
    expect(failures, seed).to.deep.equal([]);
    expect((await fetch(`${app.url}/health`)).status, seed).to.equal(200);
  }

  it('harm nobody where HTTP is expected', async () => {
    await expectUnharmed(10, (numbers) => {
      const requests = Array.from({ length: pick(numbers, [1, 1, 1, 3]) }, () =>
        strangeRequest(numbers, known),
      );
      return say(requests.join(''));
    });
  });

  const engine = (method: string, query: string, ...headers: string[]) =>
    `${[`${method} /socket.io/?EIO=4&${query} HTTP/1.1`, 'Host: here', ...headers].join('\r\n')}\r\n\r\n`;
  const offer = (query: string) =>
    engine(
      'GET',
      `transport=websocket${query}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    );
  const connect = () => `40/chat,${JSON.stringify({ token })}`;

  it('harm nobody where frames of WebSockets are expected', async () => {
    await expectUnharmed(4, (numbers) => {
      const frames = Array.from({ length: numbers.between(1, 6) }, () => strangeFrame(numbers));
      return say(offer(''), encodeFrame(connect()), Buffer.concat(frames), ...frames);
    });
  });

  it('harm nobody where packets are posted and polled', async () => {
    await expectUnharmed(2, async (numbers) => {
      const [, sid = ''] =
        /"sid":"([^"]+)/.exec(await say(engine('GET', 'transport=polling', 'Connection: close'))) ?? [];
      const query = `transport=polling&sid=${sid}`;
      const post = (packets: string, claimed = Buffer.byteLength(packets)) =>
        Buffer.from(`${engine('POST', query, `Content-Length: ${claimed}`)}${packets}`);
      const packets = Array.from({ length: numbers.between(0, 5) }, () => strangePacket(numbers)).join(
        '\x1e',
      );
      const poll = engine('GET', query, 'Accept-Encoding: gzip');
      const strange = [
        () => say(post(packets), poll),
        () => say(post(packets), post(packets)),
        () => say(post(packets, packets.length + 9)),
        () => say(`${poll}${poll}`),
        () => say(engine(pick(numbers, ['PUT', 'HEAD', 'OPTIONS', 'POST']), query)),
        () => say(offer(`&sid=${sid}`), encodeFrame(pick(numbers, ['2probe', '5'])), strangeFrame(numbers)),
      ];
      const answers = await Promise.all([
        say(post(connect())),
        pick(numbers, strange)(),
        pick(numbers, strange)(),
      ]);
      return answers.join('\n');
    });
  });
});
