import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import { rows } from '../../src/data/database.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { bearer, startTestApp, TEST_JWT_SECRET, type TestApp } from '../support/http-app.ts';

describe('refresh tokens', () => {
  const database = useTestDatabase();
  let app: TestApp;
  let other: TestApp;

  before(async () => {
    const { control } = createMemoryFeed();
    const env = { CORS_ORIGINS: 'https://chat.example', PUBLIC_URL: 'https://parley.example/api' };
    app = await startTestApp({ database: database(), control, env });
    other = await startTestApp({ database: database(), control, env });
  });
  after(() => Promise.all([app.close(), other.close()]));

  const refresh = (refreshToken: string, to = app) => to.send('POST', '/auth/refresh', { refreshToken });
  const refreshed = async (token: string, to = app): Promise<SignedIn> => {
    const answer = await refresh(token, to);
    expect(answer.status).to.equal(200);
    return (await answer.json()) as SignedIn;
  };
  const byCookie = (token: string, headers: Record<string, string> = {}, path = '/auth/refresh') =>
    app.fetch(path, { method: 'POST', headers: { cookie: `parley_refresh=${token}`, ...headers } });
  /** An access token of an hour ago. */
  const expiredToken = async (): Promise<string> => {
    const { accessToken } = await app.signUp();
    const { exp: _exp, ...claims } = jwt.decode(accessToken) as jwt.JwtPayload;
    return jwt.sign({ ...claims, iat: 1, exp: 2 }, TEST_JWT_SECRET);
  };
  const me = (token: string, to = app) => to.fetch('/auth/me', { headers: bearer(token) });

  it('trades a token for new ones of the same sign-in', async () => {
    const first = await app.signUp();
    const second = await refreshed(first.refreshToken);
    expect(second.user).to.deep.equal(first.user);
    expect(second.refreshToken)
      .to.match(/^[\w-]{43}$/)
      .and.not.equal(first.refreshToken);
    expect((await me(second.accessToken)).status).to.equal(200);
    const third = await refreshed(second.refreshToken);
    expect(third.refreshToken).to.not.equal(second.refreshToken);
  });

  it('gives 50 at once, over two processes, the same successor', async () => {
    const { refreshToken, user } = await app.signUp();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => refreshed(refreshToken, index % 2 ? app : other)),
    );
    const successors = new Set(answers.map((answer) => answer.refreshToken));
    expect(successors).to.have.lengthOf(1);
    const stored = await rows(
      database().db,
      `SELECT t.used_at IS NOT NULL AS used FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family_id
        WHERE f.user_id = $1 ORDER BY t.id`,
      [user.id],
    );
    expect(stored).to.deep.equal([{ used: true }, { used: false }]);
    await refreshed([...successors][0] as string);
  });

  it('gives the same successor again within 10 s', async () => {
    const { refreshToken } = await app.signUp();
    const first = await refreshed(refreshToken);
    await age(refreshToken, 'used_at', '9 seconds');
    expect((await refreshed(refreshToken, other)).refreshToken).to.equal(first.refreshToken);
  });

  it('revokes the whole sign-in, everywhere, when a token is used again later', async () => {
    const { refreshToken, accessToken } = await app.signUp();
    const thief = await refreshed(refreshToken);
    await age(refreshToken, 'used_at', '11 seconds');
    await expectProblem(await refresh(refreshToken), 'token_revoked');
    await expectProblem(await refresh(thief.refreshToken, other), 'token_revoked');
    for (const token of [accessToken, thief.accessToken]) {
      await expectProblem(await me(token), 'token_revoked');
      await expectProblem(await me(token, other), 'token_revoked');
    }
  });

  it('leaves the other sign-ins of the account alone', async () => {
    const { email, password, refreshToken } = await app.signUp();
    const elsewhere = (await (await app.send('POST', '/auth/login', { email, password })).json()) as SignedIn;
    await refreshed(refreshToken);
    await age(refreshToken, 'used_at', '11 seconds');
    await expectProblem(await refresh(refreshToken), 'token_revoked');
    expect((await me(elsewhere.accessToken)).status).to.equal(200);
    await refreshed(elsewhere.refreshToken);
  });

  it('refuses tokens that are expired or unknown, and requests without one', async () => {
    const { refreshToken } = await app.signUp();
    await age(refreshToken, 'expires_at', '30 days');
    await expectProblem(await refresh(refreshToken), 'token_expired');
    await expectProblem(await refresh('x'.repeat(43)), 'unauthenticated');
    await expectProblem(await app.send('POST', '/auth/refresh', {}), 'unauthenticated');
    await expectProblem(await app.fetch('/auth/refresh', { method: 'POST' }), 'unauthenticated');
    await expectProblem(await refresh(''), 'validation_failed', ['body.refreshToken']);
  });

  it('refuses a deactivated account', async () => {
    const { refreshToken, user } = await app.signUp();
    await rows(database().db, 'UPDATE users SET is_active = false WHERE id = $1', [user.id]);
    await expectProblem(await refresh(refreshToken), 'token_revoked');
  });

  it('takes the token from the body, else the Authorization header, else the cookie', async () => {
    const [body, header, cookie] = [await app.signUp(), await app.signUp(), await app.signUp()];
    const headers = { cookie: `parley_refresh=${cookie.refreshToken}`, ...bearer(header.refreshToken) };
    const ask = async (init: { headers: Record<string, string> }, refreshToken?: string) => {
      const answer = await app.send('POST', '/auth/refresh', { refreshToken }, init);
      return ((await answer.json()) as SignedIn).user.id;
    };
    expect(await ask({ headers }, body.refreshToken)).to.equal(body.user.id);
    expect(await ask({ headers })).to.equal(header.user.id);
    expect(await ask({ headers: { cookie: headers.cookie } })).to.equal(cookie.user.id);
  });

  it('looks past an access token in the header, which clients send with every request', async () => {
    const { refreshToken, accessToken, user } = await app.signUp();
    const answer = await byCookie(refreshToken, bearer(accessToken));
    expect(((await answer.json()) as SignedIn).user.id).to.equal(user.id);
  });

  describe('in the cookie', () => {
    const setCookies = (answer: Response) => answer.headers.getSetCookie();

    it('is for scripts of no one, and for both prefixes', async () => {
      const { email, password } = await app.signUp();
      for (const path of ['/auth/login', '/api/auth/login']) {
        const answer = await app.send('POST', path, { email, password });
        const { refreshToken } = (await answer.json()) as SignedIn;
        expect(setCookies(answer)).to.deep.equal(
          ['/auth', '/api/auth'].map(
            (at) => `parley_refresh=${refreshToken}; Path=${at}; Max-Age=2592000; HttpOnly; SameSite=Strict`,
          ),
        );
      }
    });

    it('is Secure in production, behind whatever proxy', async () => {
      const production = await startTestApp({ database: database(), env: { NODE_ENV: 'production' } });
      const { email, password } = await production.signUp();
      const answer = await production.send('POST', '/auth/login', { email, password });
      await production.close();
      expect(setCookies(answer)).to.have.lengthOf(2);
      for (const cookie of setCookies(answer)) expect(cookie).to.match(/; Secure$/);
    });

    it('is rotated with the token, under either prefix', async () => {
      const { refreshToken } = await app.signUp();
      const answer = await byCookie(refreshToken, {}, '/api/auth/refresh');
      const { refreshToken: successor } = (await answer.json()) as SignedIn;
      expect(setCookies(answer)).to.have.lengthOf(2);
      for (const cookie of setCookies(answer))
        expect(cookie).to.match(new RegExp(`^parley_refresh=${successor};`));
    });

    it('is taken back at logout, and once it is no good', async () => {
      const { refreshToken, accessToken } = await app.signUp();
      const out = await app.fetch('/auth/logout', { method: 'POST', headers: bearer(accessToken) });
      const refused = await byCookie(refreshToken);
      await expectProblem(refused, 'token_revoked');
      for (const answer of [out, refused]) {
        expect(setCookies(answer)).to.have.lengthOf(2);
        for (const cookie of setCookies(answer)) expect(cookie).to.match(/^parley_refresh=; .*Max-Age=0;/);
      }
    });

    describe('signs out where the access token has run out, or is not there', () => {
      const cookie = (refreshToken: string) => ({ cookie: `parley_refresh=${refreshToken}` });
      const logout = (headers: Record<string, string>) =>
        app.fetch('/api/auth/logout', { method: 'POST', headers });

      it('alone, or beside an access token that has run out', async () => {
        for (const headers of [{}, bearer(await expiredToken())]) {
          const { refreshToken, accessToken } = await app.signUp();
          const out = await logout({ ...cookie(refreshToken), ...headers });
          expect(out.status).to.equal(204);
          expect(setCookies(out)).to.have.lengthOf(2);
          await expectProblem(await app.fetch('/auth/me', { headers: bearer(accessToken) }), 'token_revoked');
          await expectProblem(await byCookie(refreshToken), 'token_revoked');
        }
      });

      it('in the place of an access token', async () => {
        const { refreshToken } = await app.signUp();
        expect((await logout(bearer(refreshToken))).status).to.equal(204);
        await expectProblem(await byCookie(refreshToken), 'token_revoked');
      });

      it('and no other way, nor twice, nor from elsewhere', async () => {
        const { refreshToken } = await app.signUp();
        await expectProblem(await logout({}), 'unauthenticated');
        await expectProblem(await logout(bearer(await expiredToken())), 'token_expired');
        await expectProblem(
          await logout({ ...bearer('forged'), ...cookie(refreshToken) }),
          'unauthenticated',
        );
        await expectProblem(
          await logout({ ...cookie(refreshToken), origin: 'https://evil.example' }),
          'forbidden',
        );
        await expectProblem(
          await app.fetch('/auth/me', { headers: bearer(refreshToken) }),
          'unauthenticated',
        );
        expect((await logout(cookie(refreshToken))).status).to.equal(204);
        const again = await logout(cookie(refreshToken));
        expect(setCookies(again)).to.have.lengthOf(2);
        await expectProblem(again, 'token_revoked');
        await expectProblem(await logout(cookie(`${refreshToken.slice(0, -4)}AAAA`)), 'unauthenticated');
      });
    });

    it('is refused to pages of other origins, and stays good', async () => {
      const { refreshToken } = await app.signUp();
      const foreign: Record<string, string>[] = [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: app.url.replace(/\d+$/, '1') },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
      ];
      for (const headers of foreign) {
        const answer = await byCookie(refreshToken, headers);
        expect(answer.status, JSON.stringify(headers)).to.equal(403);
        expect(setCookies(answer)).to.be.empty;
        await expectProblem(answer, 'forbidden');
      }
      const used = await rows(
        database().db,
        'SELECT 1 FROM refresh_tokens WHERE token_hash = sha256($1) AND used_at IS NOT NULL',
        [Buffer.from(refreshToken)],
      );
      expect(used).to.be.empty;
    });

    it('is not missed by pages of other origins that bring the token themselves, or none at all', async () => {
      const { refreshToken } = await app.signUp();
      const headers = { origin: 'https://evil.example' };
      expect((await app.send('POST', '/auth/refresh', { refreshToken }, { headers })).status).to.equal(200);
      await expectProblem(await app.fetch('/auth/refresh', { method: 'POST', headers }), 'unauthenticated');
    });

    it('is taken from our own origin, and from those that are configured', async () => {
      const own: Record<string, string>[] = [
        { origin: app.url },
        { origin: 'https://chat.example', 'sec-fetch-site': 'cross-site' },
        { origin: 'https://parley.example' },
        { 'sec-fetch-site': 'same-origin' },
      ];
      for (const headers of own) {
        const { refreshToken } = await app.signUp();
        const answer = await byCookie(refreshToken, headers);
        expect(answer.status, JSON.stringify(headers)).to.equal(200);
      }
    });
  });

  /** Moves a moment of a token into the past. */
  async function age(token: string, column: 'used_at' | 'expires_at', by: string): Promise<void> {
    const moved = await rows(
      database().db,
      `UPDATE refresh_tokens SET ${column} = ${column} - interval '${by}'
        WHERE token_hash = sha256($1) RETURNING id`,
      [Buffer.from(token)],
    );
    expect(moved).to.have.lengthOf(1);
  }
});
