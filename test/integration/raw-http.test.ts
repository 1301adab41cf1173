import net from 'node:net';
import { expect } from 'chai';
import type { ErrorCode, Problem } from '../../src/contracts/errors.ts';
import { MAX_HEAD_BYTES } from '../../src/http/http-server.ts';
import { useTestDatabase } from '../support/database.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

/** An answer as it came. */
interface RawAnswer {
  status: number;
  body: string;
}

describe('HTTP, byte by byte', () => {
  const database = useTestDatabase();
  let app: WebApp;

  before(async () => {
    app = await startWebApp(database());
  });
  after(() => app.close());

  /** Sends requests on one connection, each when the one before was answered, until the server ends the connection. */
  async function say(...requests: string[]): Promise<RawAnswer[]> {
    const socket = net.connect(Number(new URL(app.url).port), '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (requests.length > 0) socket.write(requests.shift() as string);
    });
    socket.on('error', () => {});
    socket.write(requests.shift() as string);
    await new Promise((resolve) => socket.once('close', resolve));
    return heard
      .split(/HTTP\/1\.1 (?=\d{3} )/)
      .slice(1)
      .map((answer) => ({
        status: Number.parseInt(answer, 10),
        body: answer.slice(answer.indexOf('\r\n\r\n') + 4),
      }));
  }

  const get = (target: string, ...headers: string[]) =>
    `${[`GET ${target} HTTP/1.1`, 'Host: here', ...headers].join('\r\n')}\r\n\r\n`;
  const CLOSE = 'Connection: close';

  async function expectRefused(code: ErrorCode, path: string | undefined, ...parts: string[]): Promise<void> {
    const [answer] = await say(...parts);
    const problem = JSON.parse(answer?.body ?? '') as Problem;
    expect(problem).to.include({ code, status: answer?.status });
    expect(problem.errors?.[0]?.path).to.equal(path);
    expect(problem.requestId).to.have.length.greaterThan(10);
  }

  describe('a whole URL in the place of a path', () => {
    it('is the path that it holds', async () => {
      const targets = ['http://elsewhere.example/health', 'HTTPS://x:1/api/health?', 'http://x/health'];
      for (const target of targets) {
        const [answer] = await say(get(target, CLOSE));
        expect(answer?.status, target).to.equal(200);
      }
    });

    for (const target of ['http://[/', 'http://[', 'http://]/health', 'ftp://x/health']) {
      it(`is refused, and harms nobody: ${target}`, async () => {
        await expectRefused('validation_failed', 'path', get(target, CLOSE));
        expect((await fetch(`${app.url}/health`)).status).to.equal(200);
      });
    }
  });

  describe('an offer of another protocol', () => {
    const OFFER = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];

    it('is left alone, and the connection goes on', async () => {
      const answers = await say(
        get('/health', ...OFFER),
        get('/nowhere', 'Connection: Upgrade, close', 'Upgrade: x'),
      );
      expect(answers.map(({ status }) => status)).to.deep.equal([200, 404]);
    });

    it('is left alone where a body follows', async () => {
      const body = JSON.stringify({ email: 'nobody@example.com', password: 'wrong horse' });
      const head = [
        'POST /auth/login HTTP/1.1',
        'Host: here',
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
        ...OFFER,
      ];
      const answers = await say(`${head.join('\r\n')}\r\n\r\n${body}`, get('/health', CLOSE));
      expect(answers.map(({ status }) => status)).to.deep.equal([401, 200]);
    });

    it('of WebSockets is left alone where there are none', async () => {
      await expectRefused(
        'not_found',
        undefined,
        get('/nowhere', 'Connection: Upgrade, close', 'Upgrade: websocket'),
      );
    });
  });

  describe('requests that are sent before the answer of the one before', () => {
    let user: TestUser;

    before(async () => {
      user = await signUp(app);
    });

    const streams = async () =>
      Number(
        /^parley_connections\{kind="stream"\} (\d+)$/m.exec(
          await (await fetch(`${app.url}/metrics`)).text(),
        )?.[1],
      );
    async function stream(): Promise<string> {
      const { id } = await user.at(app).json<{ id: string }>('POST', '/sessions', {});
      return get(`/sse/sessions/${id}/stream`, `Authorization: Bearer ${user.token}`);
    }

    it('end with their connection, also those whose turn never came', async () => {
      const three = (await stream()).repeat(3);
      const socket = net.connect(Number(new URL(app.url).port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(three);
      await until('all three are streams', async () => (await streams()) === 3);
      socket.resetAndDestroy();
      await until('no stream is left', async () => (await streams()) === 0);
    });

    it('are not answered in the middle of another answer', async () => {
      const answers = await say(await stream(), `${get('/health/ready')}HELLO\r\n\r\n`);
      expect(answers.map(({ status }) => status)).to.deep.equal([200]);
    });
  });

  describe('what Node refuses by itself', () => {
    it('takes long URLs', async () => {
      const [answer] = await say(get(`/health?${'x'.repeat(MAX_HEAD_BYTES - 1_000)}`, CLOSE));
      expect(answer?.status).to.equal(200);
    });

    it('is told why: longer ones, and long headers', async () => {
      const long = 'x'.repeat(MAX_HEAD_BYTES);
      await expectRefused('headers_too_large', undefined, get(`/health?${long}`));
      await expectRefused('headers_too_large', undefined, get('/health', `Authorization: Bearer ${long}`));
    });

    it('is told why: what is no HTTP', async () => {
      const login = 'POST /auth/login HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n';
      const chunks = `${login}Transfer-Encoding: chunked\r\n\r\n`;
      for (const bytes of [
        'HELLO\r\n\r\n',
        get('/he alth'),
        get('health'),
        `${chunks}zz\r\n`,
        `${login}Content-Length: x\r\n\r\n`,
      ]) {
        await expectRefused('validation_failed', 'request', bytes);
      }
    });

    it('is told why: no host', async () => {
      await expectRefused('validation_failed', 'headers.host', `GET /health HTTP/1.1\r\n${CLOSE}\r\n\r\n`);
      expect((await say('GET /health HTTP/1.0\r\n\r\n'))[0]?.status).to.equal(200);
    });

    it('is no expectation that is not known', async () => {
      expect((await say(get('/health', 'Expect: the best', CLOSE)))[0]?.status).to.equal(200);
    });
  });
});
