import { expect } from 'chai';
import { createLogger } from '../../src/base/logger.ts';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import { rows } from '../../src/data/database.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { bearer, startTestApp, type TestApp } from '../support/http-app.ts';
import { createMailbox, type Mailbox } from '../support/mailbox.ts';
import { until } from '../support/until.ts';

describe('passwords', () => {
  const database = useTestDatabase();
  let mailbox: Mailbox;
  let app: TestApp;
  let other: TestApp;

  before(async () => {
    mailbox = await createMailbox();
    const feed = createMemoryFeed();
    const env = { DATA_DIR: mailbox.dataDir, PUBLIC_URL: 'https://chat.example/app/' };
    app = await startTestApp({ database: database(), feed, env });
    other = await startTestApp({ database: database(), feed, env });
  });
  after(async () => {
    await Promise.all([app.close(), other.close()]);
    await mailbox.remove();
  });

  const login = (email: string, password: string, to = app) =>
    to.send('POST', '/auth/login', { email, password });
  const signIn = async (email: string, password: string): Promise<SignedIn> => {
    const answer = await login(email, password);
    expect(answer.status).to.equal(200);
    return (await answer.json()) as SignedIn;
  };
  const me = (token: string, to = app) => to.fetch('/auth/me', { headers: bearer(token) });
  const refresh = (refreshToken: string) => app.send('POST', '/auth/refresh', { refreshToken });
  const ask = (email: string) => app.send('POST', '/auth/forgot-password', { email });
  const reset = (token: string, password: string, to = app) =>
    to.send('PATCH', `/auth/reset-password/${token}`, { password });

  describe('that are changed', () => {
    const change = (token: string, body: unknown) =>
      app.send('PATCH', '/auth/password', body, { headers: bearer(token) });

    it('end every other sign-in at once, everywhere, and leave this one alone', async () => {
      const { email, password, ...here } = await app.signUp();
      const there = await signIn(email, password);
      const body = { currentPassword: password, newPassword: 'another one' };
      expect((await change(here.accessToken, body)).status).to.equal(204);

      for (const process of [app, other]) {
        expect((await me(here.accessToken, process)).status).to.equal(200);
        await expectProblem(await me(there.accessToken, process), 'token_revoked');
      }
      await expectProblem(await refresh(there.refreshToken), 'token_revoked');
      expect((await refresh(here.refreshToken)).status).to.equal(200);
      await expectProblem(await login(email, password), 'invalid_credentials');
      await signIn(email, 'another one');
    });

    it('leave API keys and other accounts alone', async () => {
      const [ann, bob] = [await app.signUp(), await app.signUp()];
      const key = await makeKey(ann.accessToken);
      const body = { currentPassword: ann.password, newPassword: 'another one' };
      expect((await change(ann.accessToken, body)).status).to.equal(204);
      expect(await takes(key)).to.equal(true);
      expect((await me(bob.accessToken)).status).to.equal(200);
    });

    it('end the links that were mailed before', async () => {
      const { email, password, accessToken } = await app.signUp();
      await ask(email);
      const token = await mailbox.token(email);
      await change(accessToken, { currentPassword: password, newPassword: 'another one' });
      await expectProblem(await reset(token, 'a third one'), 'validation_failed', ['params.token']);
    });

    it('need the current one, by name', async () => {
      const { email, password, accessToken } = await app.signUp();
      const wrong = { currentPassword: `${password}!`, newPassword: 'another one' };
      await expectProblem(await change(accessToken, wrong), 'invalid_credentials', ['body.currentPassword']);
      await signIn(email, password);
    });

    it('are refused when they are too short, missing, or sent with anything else', async () => {
      const { password, accessToken } = await app.signUp();
      const refused = async (body: unknown, ...paths: string[]) =>
        expectProblem(await change(accessToken, body), 'validation_failed', paths);
      await refused({ currentPassword: password, newPassword: 'short' }, 'body.newPassword');
      await refused({}, 'body.currentPassword', 'body.newPassword');
      await refused({ currentPassword: password, newPassword: 'long enough', role: 'admin' }, 'body.role');
    });

    it('are for who is signed in, and not for API keys', async () => {
      const { password, accessToken } = await app.signUp();
      const body = { currentPassword: password, newPassword: 'another one' };
      await expectProblem(await app.send('PATCH', '/auth/password', body), 'unauthenticated');
      const key = await makeKey(accessToken);
      await expectProblem(await change(key, body), 'forbidden');
    });

    it('are changed once by two at a time', async () => {
      const { email, password, accessToken, user } = await app.signUp();
      const wishes = ['first new one', 'second new one'];
      // Both have given the right one before either has changed it.
      const answers = await database().transaction(async (db) => {
        await rows(db, 'SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [user.id]);
        const asked = wishes.map((newPassword) =>
          change(accessToken, { currentPassword: password, newPassword }),
        );
        await until('both wait', async () => (await waiting()) === 2);
        return { all: Promise.all(asked) };
      });
      const [first, second] = await answers.all;
      expect([first?.status, second?.status].toSorted()).to.deep.equal([204, 409]);
      await signIn(email, (first?.status === 204 ? wishes[0] : wishes[1]) ?? '');
    });

    it('say how to get one to an account that has none', async () => {
      const { accessToken, user } = await app.signUp();
      await rows(database().db, 'UPDATE users SET password_hash = NULL WHERE id = $1', [user.id]);
      const answer = await change(accessToken, { currentPassword: 'anything', newPassword: 'another one' });
      expect((await expectProblem(answer, 'conflict')).detail).to.include('/auth/forgot-password');
    });
  });

  describe('that were forgotten', () => {
    it('are set by the link of a mail, which signs in, ends all sign-ins and verifies the address', async () => {
      const { email, password, accessToken, refreshToken, user } = await app.signUp();
      const elsewhere = await signIn(email, password);
      expect((await ask(email.toUpperCase())).status).to.equal(204);
      const [mail = ''] = [await mailbox.token(email), ...(await mailbox.to(email))].slice(1);
      expect(mail.replaceAll('=\r\n', '')).to.match(/\r\nhttps:\/\/chat\.example\/app\/reset#[\w-]{43}\r\n/);

      const answer = await reset(await mailbox.token(email), 'another one', other);
      expect(answer.status).to.equal(200);
      expect(answer.headers.getSetCookie()).to.have.lengthOf(2);
      const signedIn = (await answer.json()) as SignedIn;
      expect(signedIn.user).to.deep.equal({ ...user, emailVerified: true });
      expect((await me(signedIn.accessToken)).status).to.equal(200);
      for (const token of [accessToken, elsewhere.accessToken]) {
        await expectProblem(await me(token), 'token_revoked');
      }
      await expectProblem(await refresh(refreshToken), 'token_revoked');
      await expectProblem(await login(email, password), 'invalid_credentials');
      await signIn(email, 'another one');
    });

    it('give a password to an account that had none', async () => {
      const { email, user } = await app.signUp();
      await rows(database().db, 'UPDATE users SET password_hash = NULL WHERE id = $1', [user.id]);
      await ask(email);
      expect((await reset(await mailbox.token(email), 'the first one')).status).to.equal(200);
      await signIn(email, 'the first one');
    });

    it('are set once by a link, also of ten at a time', async () => {
      const { email } = await app.signUp();
      await ask(email);
      const token = await mailbox.token(email);
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) => reset(token, `number ${index}`, index % 2 ? app : other)),
      );
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).to.deep.equal([200, ...Array<number>(9).fill(400)]);
      await expectProblem(await reset(token, 'another one'), 'validation_failed', ['params.token']);
    });

    it('are set by the newest link alone', async () => {
      const { email } = await app.signUp();
      await ask(email);
      const first = await mailbox.token(email);
      await ask(email);
      const second = await mailbox.token(email, 2);
      await expectProblem(await reset(first, 'another one'), 'validation_failed', ['params.token']);
      expect((await reset(second, 'another one')).status).to.equal(200);
    });

    it('leave one link when several are asked for at once', async () => {
      const { email, user } = await app.signUp();
      await database().transaction(async (db) => {
        // All of them have begun before the first may go on.
        await rows(db, 'LOCK TABLE password_resets IN SHARE MODE');
        await Promise.all(Array.from({ length: 4 }, () => ask(email)));
        await until('all wait', async () => (await waiting()) === 4);
      });
      await mailbox.token(email, 4);
      const sql = 'SELECT 1 FROM password_resets WHERE user_id = $1 AND used_at IS NULL';
      expect(await rows(database().db, sql, [user.id])).to.have.lengthOf(1);
    });

    it('are refused after an hour, and with tokens that nobody was given', async () => {
      const { email, user } = await app.signUp();
      await ask(email);
      const token = await mailbox.token(email);
      const age = (minutes: number) =>
        rows(
          database().db,
          `UPDATE password_resets SET expires_at = expires_at - $2 * interval '1 minute' WHERE user_id = $1`,
          [user.id, minutes],
        );
      await age(61);
      for (const bad of [token, 'x'.repeat(43), 'x', '..%2F..', encodeURIComponent('ü'.repeat(50))]) {
        const answer = await reset(bad, 'another one');
        await expectProblem(answer, 'validation_failed', ['params.token']);
      }
      await age(-2);
      expect((await reset(token, 'another one')).status).to.equal(200);
    });

    it('end the API keys of an account that nobody had verified, and of no other', async () => {
      const { email, accessToken } = await app.signUp();
      const planted = await makeKey(accessToken);
      await ask(email);
      const owner = (await (await reset(await mailbox.token(email), 'another one')).json()) as SignedIn;
      expect(await takes(planted)).to.equal(false);
      const own = await makeKey(owner.accessToken);
      await ask(email);
      expect((await reset(await mailbox.token(email, 2), 'a third one')).status).to.equal(200);
      expect(await takes(own)).to.equal(true);
    });

    it('keep no token in clear', async () => {
      const { email } = await app.signUp();
      await ask(email);
      const token = await mailbox.token(email);
      const stored = await rows<{ row: string }>(
        database().db,
        'SELECT r::text AS row FROM password_resets r',
      );
      const dump = JSON.stringify(stored);
      expect(dump).to.not.include(token).and.to.not.include(Buffer.from(token).toString('hex'));
    });

    it('leave no token in the log, whatever is sent to its path', async () => {
      const lines: string[] = [];
      const destination = { write: (line: string) => lines.push(line) };
      const log = createLogger({ level: 'debug', pretty: false, destination });
      const env = { DATA_DIR: mailbox.dataDir };
      const logging = await startTestApp({ database: database(), log, env });
      const { email } = await logging.signUp();
      await logging.send('POST', '/auth/forgot-password', { email });
      const token = await mailbox.token(email);
      for (const path of [
        `/auth/reset-password/${token}`,
        `/reset/${token}`,
        `/api/auth/reset-password/${token}/`,
      ]) {
        await logging.fetch(path);
        await logging.send('PATCH', path, { password: 'short' });
      }
      await logging.send('PATCH', `/auth/reset-password/${token}`, { password: 'another one' });
      await logging.close();
      expect(lines.filter((line) => line.includes('"msg":"request"'))).to.have.lengthOf(9);
      expect(lines.join('')).to.not.include(token);
    });

    it('are answered alike for addresses that are known, unknown and deactivated; only the first get a mail', async () => {
      const [known, gone] = [await app.signUp(), await app.signUp()];
      await deactivate(gone.user.id);
      const unknown = `${crypto.randomUUID()}@example.com`;
      const shape = async (email: string) => {
        const answer = await ask(email);
        const headers = [...answer.headers.keys()].filter((name) => name !== 'x-request-id');
        return JSON.stringify([answer.status, headers, await answer.text()]);
      };
      const answers = [await shape(unknown), await shape(gone.email), await shape(known.email)];
      expect(new Set(answers)).to.have.lengthOf(1);
      // It was asked for last.
      await mailbox.token(known.email);
      expect(await mailbox.to(gone.email)).to.be.empty;
      expect(await mailbox.to(unknown)).to.be.empty;
    });

    it('are not set on an account that is deactivated meanwhile', async () => {
      const { email, user } = await app.signUp();
      await ask(email);
      const token = await mailbox.token(email);
      await deactivate(user.id);
      const row = () => rows(database().db, 'SELECT * FROM users WHERE id = $1', [user.id]);
      const before = await row();
      await expectProblem(await reset(token, 'another one'), 'validation_failed', ['params.token']);
      expect(await row()).to.deep.equal(before);
    });

    it('are answered before anything is looked up', async () => {
      const { email, user } = await app.signUp();
      // Whoever looks up this account's link, or makes one, now waits.
      await database().transaction(async (db) => {
        await rows(db, 'LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
        expect((await ask(email)).status).to.equal(204);
        expect(await mailbox.to(email)).to.be.empty;
      });
      await mailbox.token(email);
      expect(user.emailVerified).to.equal(false);
    });

    it('are mailed five times an hour at most, in silence', async () => {
      const { email } = await app.signUp();
      const { email: last } = await app.signUp();
      for (let times = 0; times < 7; times += 1) expect((await ask(email)).status).to.equal(204);
      await ask(last);
      await mailbox.token(last);
      await mailbox.token(email, 5);
      expect(await mailbox.to(email)).to.have.lengthOf(5);
    });

    it('are not asked for by what is no address', async () => {
      for (const email of [
        'nobody',
        'a@example.com\r\nBcc: b@example.com',
        'a@b.c, d@e.f',
        '<a@example.com>',
      ]) {
        await expectProblem(await ask(email), 'validation_failed', ['body.email']);
      }
    });
  });

  async function makeKey(token: string): Promise<string> {
    const wish = { name: 'key', scopes: ['usage'] };
    const answer = await app.send('POST', '/user/api-keys', wish, { headers: bearer(token) });
    expect(answer.status).to.equal(201);
    return ((await answer.json()) as { key: string }).key;
  }

  /** Whether a key is taken: who it speaks for is known, and only then is the route refused to keys. */
  const takes = async (key: string) => (await me(key)).status === 403;

  /** How many statements on this database wait for a lock. */
  const waiting = async (): Promise<number> => {
    const [found] = await rows<{ count: number }>(
      database().db,
      `SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return found?.count ?? 0;
  };

  const deactivate = (id: string) =>
    rows(database().db, 'UPDATE users SET is_active = false WHERE id = $1', [id]);
});
