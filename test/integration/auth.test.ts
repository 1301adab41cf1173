import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import { rows } from '../../src/data/database.ts';
import { findAccount } from '../../src/data/repositories/accounts.ts';
import { findUser } from '../../src/data/repositories/users.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { bearer, startTestApp, TEST_JWT_SECRET, type TestApp } from '../support/http-app.ts';
import { until } from '../support/until.ts';

describe('accounts and access tokens', () => {
  const database = useTestDatabase();
  let app: TestApp;

  before(async () => {
    app = await startTestApp({
      database: database(),
      env: { WELCOME_CREDITS: '250.5', LOGIN_FAILURES: '100' },
    });
  });
  after(() => app.close());

  const register = (body: unknown, to = app) => to.send('POST', '/auth/register', body);
  const login = (email: string, password: string) => app.send('POST', '/auth/login', { email, password });
  const me = (token: string) => app.fetch('/auth/me', { headers: bearer(token) });

  it('opens an account with its welcome credits, and signs in', async () => {
    const answer = await register({ email: 'Ada@Example.com', password: 'correct horse', name: ' Ada ' });
    expect(answer.status).to.equal(201);
    const signedIn = (await answer.json()) as SignedIn;
    expect(signedIn.user).to.include({
      email: 'Ada@Example.com',
      name: 'Ada',
      role: 'user',
      emailVerified: false,
    });
    expect(signedIn.expiresIn).to.equal(900);
    expect(signedIn.refreshToken).to.match(/^[\w-]{43}$/);

    const { id } = signedIn.user;
    expect(await findAccount(database().db, id)).to.deep.equal({
      userId: id,
      balance: '250.500000',
      held: '0.000000',
    });
    const ledger = await rows(database().db, 'SELECT kind, amount FROM ledger_entries WHERE user_id = $1', [
      id,
    ]);
    expect(ledger).to.deep.equal([{ kind: 'grant', amount: '250.500000' }]);
    const stored = await findUser(database().db, id);
    expect(stored?.passwordHash).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);

    const profile = await me(signedIn.accessToken);
    expect(profile.status).to.equal(200);
    expect(await profile.json()).to.deep.equal(signedIn.user);
  });

  it('keeps no token and no password in clear', async () => {
    const { refreshToken, password } = await app.signUp();
    const dump = await rows<{ row: string }>(
      database().db,
      'SELECT t::text AS row FROM refresh_tokens t UNION ALL SELECT u::text FROM users u',
    );
    const text = dump.map(({ row }) => row).join('\n');
    expect(text).to.not.include(refreshToken).and.not.include(password);
    for (const encoding of ['utf8', 'base64url'] as const) {
      expect(text).to.not.include(Buffer.from(refreshToken, encoding).toString('hex'));
    }
  });

  it('opens an account without a grant when there are no welcome credits', async () => {
    const frugal = await startTestApp({ database: database(), env: { WELCOME_CREDITS: '0' } });
    const { user } = await frugal.signUp();
    await frugal.close();
    expect((await findAccount(database().db, user.id))?.balance).to.equal('0.000000');
    expect(await rows(database().db, 'SELECT 1 FROM ledger_entries WHERE user_id = $1', [user.id])).to.be
      .empty;
  });

  it('refuses an e-mail address that is taken, whatever its case, and leaves nothing behind', async () => {
    const { email } = await app.signUp();
    const before = await countAccounts();
    const answer = await register({ email: email.toUpperCase(), password: 'another one' });
    await expectProblem(answer, 'email_taken', ['body.email']);
    expect(await countAccounts()).to.deep.equal(before);
  });

  it('opens one account when the same address registers many times at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => register({ email: 'race@example.com', password: 'correct horse' })),
    );
    const statuses = answers.map((answer) => answer.status).sort();
    expect(statuses).to.deep.equal([201, ...Array<number>(7).fill(409)]);
  });

  it('names every field that it refuses', async () => {
    const answer = await register({ email: 'no address', password: 'short', name: '', admin: true });
    await expectProblem(answer, 'validation_failed', [
      'body.email',
      'body.password',
      'body.name',
      'body.admin',
    ]);
  });

  it('signs in, whatever the case of the address', async () => {
    const { email, password, user } = await app.signUp();
    const answer = await login(email.toUpperCase(), password);
    expect(answer.status).to.equal(200);
    const signedIn = (await answer.json()) as SignedIn;
    expect(signedIn.user).to.deep.equal(user);
    expect((await me(signedIn.accessToken)).status).to.equal(200);
  });

  it('answers a wrong password, an unknown address and a deactivated account alike', async () => {
    const { email, password } = await app.signUp();
    const gone = await app.signUp();
    await deactivate(gone.user.id);
    const problems = [
      await expectProblem(await login(email, `${password}!`), 'invalid_credentials'),
      await expectProblem(await login('nobody@example.com', password), 'invalid_credentials'),
      await expectProblem(await login(gone.email, gone.password), 'invalid_credentials'),
    ].map(({ requestId, ...rest }) => JSON.stringify(rest));
    expect(new Set(problems)).to.have.lengthOf(1);
  });

  it('takes as long for an unknown address, and for one without a password, as for a wrong password', async () => {
    const { email } = await app.signUp();
    const { email: without } = await app.signUp();
    await rows(database().db, 'UPDATE users SET password_hash = NULL WHERE email = $1', [without]);
    const addresses = [email, 'nobody@example.com', without];
    // What an answer takes else is the same for all, and each round meets the same moment of the machine. The first
    // round makes the hash that unknown addresses are compared with.
    const ratios: number[][] = [[], []];
    for (let round = 0; round < 16; round += 1) {
      const times: number[] = [];
      for (const address of addresses) {
        const since = performance.now();
        await (await login(address, 'wrong password')).arrayBuffer();
        times.push(performance.now() - since);
      }
      const [wrong = 0, ...others] = times;
      if (round > 0) for (const [index, time] of others.entries()) ratios[index]?.push(time / wrong);
    }
    // Without a hash to check, an answer takes a tenth of the time.
    for (const each of ratios) expect(median(each)).to.be.within(1 / 1.5, 1.5);
  });

  it('counts sign-ins, and knows the last one', async () => {
    const { email, password, user, refreshToken } = await app.signUp();
    const counted = async () => {
      const { loginCount, lastLoginAt } = (await findUser(database().db, user.id)) ?? {};
      return { loginCount, age: Date.now() - (lastLoginAt?.getTime() ?? 0) };
    };
    expect((await counted()).loginCount).to.equal(1);
    await login(email, 'wrong password');
    await app.send('POST', '/auth/refresh', { refreshToken });
    expect((await counted()).loginCount).to.equal(1);
    await login(email, password);
    expect((await counted()).loginCount).to.equal(2);
    expect((await counted()).age).to.be.within(-1_000, 5_000);
  });

  it('opens no sign-in for a password that is changed at the same moment', async () => {
    const { email, password, user, accessToken } = await app.signUp();
    let entering: Promise<Response> | undefined;
    await database().transaction(async (db) => {
      // The login has read the old hash, finds it right, and waits to be counted.
      await rows(db, 'SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [user.id]);
      entering = login(email, password);
      await until('the login waits', async () => (await waiting()) > 0);
      await rows(db, `UPDATE users SET password_hash = 'another' WHERE id = $1`, [user.id]);
    });
    await expectProblem((await entering) as Response, 'invalid_credentials');
    const families = await rows(database().db, 'SELECT 1 FROM refresh_families WHERE user_id = $1', [
      user.id,
    ]);
    expect(families).to.have.lengthOf(1);
    expect((await me(accessToken)).status).to.equal(200);
  });

  /** How many statements on this database wait for a lock. */
  const waiting = async (): Promise<number> => {
    const [found] = await rows<{ count: number }>(
      database().db,
      `SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return found?.count ?? 0;
  };

  it('refuses a request without a token, and says how to sign in', async () => {
    const answer = await app.fetch('/auth/me');
    expect(answer.headers.get('www-authenticate')).to.equal('Bearer');
    await expectProblem(answer, 'unauthenticated');
    await expectProblem(
      await app.fetch('/auth/me', { headers: { authorization: 'Basic YTpi' } }),
      'unauthenticated',
    );
  });

  it('tells an expired token from a bad one', async () => {
    const { accessToken } = await app.signUp();
    const claims = { ...jwt.decode(accessToken, { json: true }), exp: Math.floor(Date.now() / 1000) - 1 };
    await expectProblem(await me(jwt.sign(claims, TEST_JWT_SECRET)), 'token_expired');
    const oldAndForged = jwt.sign(claims, 'another secret, also long enough for it');
    await expectProblem(await me(oldAndForged), 'unauthenticated');
  });

  it('refuses every token that it did not make', async () => {
    const { accessToken } = await app.signUp();
    const claims = jwt.decode(accessToken, { json: true }) ?? {};
    const [head, body, signature] = accessToken.split('.') as [string, string, string];
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const sign = (changes: object, options: jwt.SignOptions = {}) => {
      const given = Object.entries({ ...claims, ...changes }).filter(([, value]) => value !== undefined);
      return jwt.sign(Object.fromEntries(given), TEST_JWT_SECRET, options);
    };
    const forged = {
      'alg none': `${encode({ alg: 'none', typ: 'JWT' })}.${body}.`,
      'alg none, signed': `${encode({ alg: 'none', typ: 'JWT' })}.${body}.${signature}`,
      'alg NoNe': `${encode({ alg: 'NoNe' })}.${body}.${signature}`,
      'another HMAC': sign({}, { algorithm: 'HS512' }),
      'RS256 over the secret': `${encode({ alg: 'RS256' })}.${body}.${signature}`,
      'no header': `${encode(null)}.${body}.${signature}`,
      'another secret': jwt.sign(claims, 'another secret, also long enough for it'),
      'another audience': sign({ aud: 'elsewhere' }),
      'another issuer': sign({ iss: 'elsewhere' }),
      'no audience': sign({ aud: undefined }),
      'no family': sign({ fam: undefined }),
      'a subject that is no id': sign({ sub: 'admin' }),
      'no end': sign({ exp: undefined }),
      'not yet valid': sign({ nbf: Math.floor(Date.now() / 1000) + 60 }),
      'changed claims': `${head}.${encode({ ...claims, role: 'admin' })}.${signature}`,
      'no signature': `${head}.${body}.`,
      'not a token': 'hello',
    };
    expect((await me(accessToken)).status).to.equal(200);
    for (const [what, token] of Object.entries(forged)) {
      const answer = await me(token);
      expect(answer.status, what).to.equal(401);
      await expectProblem(answer, 'unauthenticated');
    }
  });

  it('refuses the token of an account that is gone', async () => {
    const { accessToken, user } = await app.signUp();
    await rows(database().db, 'DELETE FROM ledger_entries WHERE user_id = $1', [user.id]);
    await rows(database().db, 'DELETE FROM users WHERE id = $1', [user.id]);
    await expectProblem(await me(accessToken), 'unauthenticated');
  });

  it('says until when a token is good', async () => {
    const { accessToken, user } = await app.signUp();
    const answer = await app.fetch('/auth/verify', { headers: bearer(accessToken) });
    const { exp = 0 } = jwt.decode(accessToken, { json: true }) ?? {};
    expect(await answer.json()).to.deep.equal({
      valid: true,
      user,
      expiresAt: new Date(exp * 1000).toISOString(),
    });
  });

  it('gives each token an id of its own', async () => {
    const { refreshToken, accessToken } = await app.signUp();
    const again = (await (await app.send('POST', '/auth/refresh', { refreshToken })).json()) as SignedIn;
    const [first, second] = [accessToken, again.accessToken].map((token) =>
      jwt.decode(token, { json: true }),
    );
    expect(first?.fam).to.equal(second?.fam);
    expect(first?.jti).to.be.a('string').and.not.equal(second?.jti);
  });

  const deactivate = (id: string) =>
    rows(database().db, 'UPDATE users SET is_active = false WHERE id = $1', [id]);

  const countAccounts = () =>
    rows(
      database().db,
      'SELECT (SELECT count(*) FROM users) u, (SELECT count(*) FROM accounts) a, (SELECT count(*) FROM ledger_entries) l',
    );
});

const median = (numbers: number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
