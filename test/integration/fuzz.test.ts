import { expect } from 'chai';
import fc from 'fast-check';
import { login, refresh, register } from '../../src/contracts/routes/auth.ts';
import { forgotPassword } from '../../src/contracts/routes/passwords.ts';
import { useTestDatabase } from '../support/database.ts';
import { startTestApp, type TestApp } from '../support/http-app.ts';
import { createMailbox, type Mailbox } from '../support/mailbox.ts';
import { echoRoute, testRoutes } from '../support/test-routes.ts';

const ID = '0190a0a0-0000-7000-8000-000000000000';

describe('whatever is sent', () => {
  const database = useTestDatabase();
  let app: TestApp;
  let mailbox: Mailbox;

  before(async () => {
    mailbox = await createMailbox();
    const env = { DATA_DIR: mailbox.dataDir, RATE_LIMIT_AUTH_REQUESTS: '1000000' };
    app = await startTestApp({ database: database(), routes: [testRoutes], env });
  });
  after(async () => {
    await app.close();
    await mailbox.remove();
  });

  const post = (path: string, body: string | Uint8Array, method = 'POST') =>
    app.fetch(path, { method, body, headers: { 'content-type': 'application/json' } });

  /** A 2xx or a 4xx in our own words, never a 5xx. */
  async function expectAnswered(answer: Response): Promise<void> {
    const text = await answer.text();
    expect(answer.status, text).to.be.within(200, 499);
    if (answer.status >= 400)
      expect(answer.headers.get('content-type')).to.match(/^application\/problem\+json/);
    else expect(answer.status).to.be.below(300);
  }

  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.constantFrom(
      '',
      '\0',
      '\ud800',
      '__proto__',
      'a@b.co',
      '𝕏',
      '<|endoftext|>',
      "'; DROP TABLE users; --",
    ),
  );
  const anyJson = fc.jsonValue({ depthSize: 'medium' });
  /** The right keys with any values: deeper into the code than random objects get. */
  const nearly = (keys: string[]) =>
    fc.dictionary(fc.constantFrom(...keys, '__proto__', 'x'), fc.oneof(anyText, anyJson), { maxKeys: 6 });

  const publicPosts = [
    { path: register.path, body: nearly(['email', 'password', 'name']) },
    { path: login.path, body: nearly(['email', 'password']) },
    { path: refresh.path, body: nearly(['refreshToken']) },
    { path: forgotPassword.path, body: nearly(['email']) },
  ];

  it('covers every public POST', () => {
    const paths = app.contracts
      .filter(({ access, method, tag }) => access === 'public' && method === 'post' && tag !== 'Test')
      .map(({ path }) => path);
    expect(publicPosts.map(({ path }) => path)).to.have.members(paths);
  });

  for (const { path, body } of publicPosts) {
    it(`is answered as JSON at ${path}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.oneof(body, anyJson), async (value) => {
          await expectAnswered(await post(path, JSON.stringify(value)));
        }),
        { numRuns: 150 },
      );
    });

    it(`is answered as bytes at ${path}`, async () => {
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.tuple(body, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
          const json = Buffer.from(JSON.stringify(value));
          json[at % json.length] = byte;
          return json;
        }),
      );
      await fc.assert(
        fc.asyncProperty(bytes, async (value) => expectAnswered(await post(path, value))),
        { numRuns: 150 },
      );
    });
  }

  it('signs up and in with every text that may be a password', async () => {
    const password = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(password, fc.uuid(), async (secret, id) => {
        const body = JSON.stringify({ email: `${id}@example.com`, password: secret });
        expect((await post(register.path, body)).status).to.equal(201);
        expect((await post(login.path, body)).status).to.equal(200);
      }),
      { numRuns: 10 },
    );
  });

  it('is answered in paths, queries and nested bodies', async () => {
    const part = fc.oneof(
      anyText.map((text) => encodeURIComponent(text.toWellFormed())),
      fc.stringMatching(/^[%\w]*$/),
    );
    const query = fc.array(fc.tuple(fc.constantFrom('limit', 'cursor', 'flag', '__proto__'), part), {
      maxLength: 4,
    });
    const body = nearly(['settings', 'tags', 'where', 'anything']);
    await fc.assert(
      fc.asyncProperty(part, query, body, async (name, pairs, value) => {
        const search = pairs.map(([key, each]) => `${key}=${each}`).join('&');
        await expectAnswered(
          await post(`/test/${ID}/${name}?${search}`, JSON.stringify(value), echoRoute.method.toUpperCase()),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('is answered in tokens, tickets and cookies', async () => {
    const header = fc
      .string({ unit: 'binary-ascii', maxLength: 60 })
      .map((text) => text.replace(/[^\x20-\x7e]/g, ''));
    await fc.assert(
      fc.asyncProperty(header, header, async (authorization, cookie) => {
        const headers = { authorization: `Bearer ${authorization}`, cookie: `parley_refresh=${cookie}` };
        await expectAnswered(await app.fetch('/auth/me', { headers }));
        await expectAnswered(await app.fetch(refresh.path, { method: 'POST', headers }));
      }),
      { numRuns: 100 },
    );
  });
});
