import { expect } from 'chai';
import type { Problem } from '../../src/contracts/errors.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { bearer, startTestApp, type TestApp } from '../support/http-app.ts';
import { createMailbox, type Mailbox } from '../support/mailbox.ts';

const LIMIT = 10;

describe('the lock-out of accounts', () => {
  const database = useTestDatabase();
  let mailbox: Mailbox;
  let app: TestApp;
  let other: TestApp;

  before(async () => {
    mailbox = await createMailbox();
    const feed = createMemoryFeed();
    const options = { database: database(), feed, env: { DATA_DIR: mailbox.dataDir } };
    [app, other] = [await startTestApp(options), await startTestApp(options)];
  });
  after(async () => {
    await Promise.all([app.close(), other.close()]);
    await mailbox.remove();
  });

  const login = (email: string, password: string, to = app) =>
    to.send('POST', '/auth/login', { email, password });
  const fail = async (email: string, times: number) => {
    for (let time = 0; time < times; time += 1) {
      await expectProblem(
        await login(email, 'wrong password', time % 2 ? app : other),
        'invalid_credentials',
      );
    }
  };

  it('begins after ten wrong passwords, over all processes, for the right one too', async () => {
    const { email, password } = await app.signUp();
    await fail(email, LIMIT);
    for (const process of [app, other]) {
      const answer = await login(email, password, process);
      expect(Number(answer.headers.get('retry-after'))).to.be.within(800, 900);
      const problem = await expectProblem(answer, 'rate_limited');
      expect(problem.detail).to.match(
        /^A wrong password may be given 10 times for an account in 15 minutes\. /,
      );
    }
  });

  it('is the same for an address that has no account', async () => {
    const { email: known } = await app.signUp();
    const unknown = `${crypto.randomUUID()}@example.com`;
    const story = async (email: string) => {
      const answers: unknown[] = [];
      for (let time = 0; time < LIMIT + 2; time += 1) {
        const answer = await login(email, 'wrong password');
        const { requestId, detail, retryAfterSeconds, ...rest } = (await answer.json()) as Problem;
        answers.push(answer.status, [...answer.headers.keys()], rest, detail.slice(0, 60));
      }
      return answers;
    };
    expect(await story(unknown)).to.deep.equal(await story(known));
  });

  it('counts an address whatever its case, and others for themselves', async () => {
    const { email, password } = await app.signUp();
    const bystander = await app.signUp();
    await fail(email.toUpperCase(), LIMIT);
    await expectProblem(await login(email, password), 'rate_limited');
    expect((await login(bystander.email, bystander.password)).status).to.equal(200);
  });

  it('lets no more than ten of many guesses at once be looked at', async () => {
    const { email } = await app.signUp();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => login(email, `guess ${index}`, index % 2 ? app : other)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).to.have.lengthOf(LIMIT);
    expect(statuses.filter((status) => status === 429)).to.have.lengthOf(30);
  });

  it('begins anew after a right password', async () => {
    const { email, password } = await app.signUp();
    for (let round = 0; round < 2; round += 1) {
      await fail(email, LIMIT - 1);
      expect((await login(email, password)).status).to.equal(200);
    }
  });

  it('ends with a password that is set by a mail', async () => {
    const { email } = await app.signUp();
    await fail(email, LIMIT);
    await app.send('POST', '/auth/forgot-password', { email });
    const path = `/auth/reset-password/${await mailbox.token(email)}`;
    expect((await app.send('PATCH', path, { password: 'another one' })).status).to.equal(200);
    expect((await login(email, 'another one')).status).to.equal(200);
  });

  it('counts the wrong passwords of who is signed in and changes it, too', async () => {
    const { email, password, accessToken } = await app.signUp();
    const change = (currentPassword: string) => {
      const init = { headers: bearer(accessToken) };
      return app.send('PATCH', '/auth/password', { currentPassword, newPassword: 'another one' }, init);
    };
    await fail(email, LIMIT - 3);
    for (let time = 0; time < 3; time += 1) {
      await expectProblem(await change('wrong password'), 'invalid_credentials');
    }
    await expectProblem(await change(password), 'rate_limited');
    await expectProblem(await login(email, password), 'rate_limited');
  });

  it('does not count what fails for another reason', async () => {
    const { email, password } = await app.signUp();
    await database().db.query('ALTER TABLE refresh_families RENAME TO hidden');
    try {
      for (let time = 0; time <= LIMIT; time += 1) {
        await expectProblem(await login(email, password), 'internal');
      }
    } finally {
      await database().db.query('ALTER TABLE hidden RENAME TO refresh_families');
    }
    expect((await login(email, password)).status).to.equal(200);
  });

  it('is as the configuration says, and off where limits are', async () => {
    const strict = await startTestApp({ database: database(), env: { LOGIN_FAILURES: '1' } });
    const off = await startTestApp({
      database: database(),
      env: { RATE_LIMITS: 'off', LOGIN_FAILURES: '1' },
    });
    const { email, password } = await app.signUp();
    await login(email, 'wrong password', strict);
    await expectProblem(await login(email, password, strict), 'rate_limited');
    await login(email, 'wrong password', off);
    expect((await login(email, password, off)).status).to.equal(200);
    await Promise.all([strict.close(), off.close()]);
  });
});
