import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import { rows } from '../../src/data/database.ts';
import { findAccount } from '../../src/data/repositories/accounts.ts';
import { findUser } from '../../src/data/repositories/users.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { bearer, startTestApp, TEST_JWT_SECRET, type TestApp } from '../support/http-app.ts';

describe('accounts and access tokens', () => {
  const database = useTestDatabase();
  let app: TestApp;

  before(async () => {
    app = await startTestApp({ database: database(), env: { WELCOME_CREDITS: '250.5' } });
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

  it('takes as long for an unknown address as for a wrong password', async () => {
    const { email } = await app.signUp();
    const wrong = await medianMs(() => login(email, 'wrong password'));
    const unknown = await medianMs(() => login('nobody@example.com', 'wrong password'));
    // Without a hash to check, an answer takes a tenth of the time.
    expect(unknown).to.be.greaterThan(wrong / 2);
  });

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

async function medianMs(run: () => Promise<Response>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 9; round++) {
    const startedAt = performance.now();
    await (await run()).arrayBuffer();
    times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b)[4] as number;
}
