import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { createLogger } from '../../src/base/logger.ts';
import type { ErrorCode } from '../../src/contracts/errors.ts';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import { rows } from '../../src/data/database.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { CLIENT, type GoogleServer, startGoogleServer, type Userinfo } from '../support/google-server.ts';
import { bearer, startTestApp, type TestApp } from '../support/http-app.ts';

const CALLBACK = 'https://parley.example/auth/google/callback';
const PAGE = 'https://app.example/welcome?from=google';

/** A browser that has begun to sign in, and where Google sends it back to. */
interface Begun {
  cookie: string;
  /** With the code and the state. */
  back: string;
}

describe('signing in with Google', () => {
  const database = useTestDatabase();
  const logged: string[] = [];
  const destination = { write: (line: string) => logged.push(line) };
  const log = createLogger({ level: 'debug', pretty: false, destination });
  let google: GoogleServer;
  let app: TestApp;
  let other: TestApp;
  let withPage: TestApp;
  /** Waits for Google for a moment: for answers that do not come. Of those that come, a busy machine may take as long. */
  let hasty: TestApp;

  before(async () => {
    google = await startGoogleServer(CALLBACK);
    const shared = { database: database(), feed: createMemoryFeed(), log };
    const env = { ...google.env, WELCOME_CREDITS: '77', ADMIN_EMAIL: 'boss@example.com' };
    app = await startTestApp({ ...shared, env });
    other = await startTestApp({ ...shared, env });
    withPage = await startTestApp({ ...shared, env: { ...env, OAUTH_REDIRECT_URL: PAGE } });
    hasty = await startTestApp({ ...shared, env, googleTimeoutMs: 300 });
  });
  after(async () => {
    await Promise.all([app, other, withPage, hasty].map((each) => each.close()));
    await google.close();
  });

  const get = (to: TestApp, path: string, cookie?: string) =>
    to.fetch(path, { redirect: 'manual', headers: { ...(cookie && { cookie }), 'user-agent': 'browser' } });

  /** Goes to Google, as whoever signs in there, and comes back as far as the door. */
  async function begin(person: Userinfo, to = app): Promise<Begun> {
    google.userinfo = person;
    const started = await get(to, '/auth/google');
    expect(started.status).to.equal(302);
    const [cookie = ''] = started.headers.getSetCookie().map((each) => each.split(';')[0]);
    const atGoogle = await fetch(started.headers.get('location') ?? '', { redirect: 'manual' });
    const back = new URL(atGoogle.headers.get('location') ?? '');
    expect(back.origin + back.pathname).to.equal(CALLBACK);
    return { cookie, back: `/auth/google/callback${back.search}` };
  }

  async function finish({ cookie, back }: Begun, to = app): Promise<Response> {
    return get(to, back, cookie);
  }
  const enter = async (person: Userinfo) => finish(await begin(person));
  async function entered(person: Userinfo): Promise<SignedIn> {
    const answer = await enter(person);
    const text = await answer.text();
    expect(answer.status, text).to.equal(200);
    return JSON.parse(text) as SignedIn;
  }

  const newPerson = (changes: Userinfo = {}): Userinfo & { sub: string; email: string } => {
    const id = crypto.randomUUID();
    return { sub: id, email: `${id}@example.com`, email_verified: true, name: 'Ada', ...changes };
  };
  const userOf = async (email: string) =>
    (
      await rows<Record<string, unknown>>(
        database().db,
        `SELECT id, google_id, role, password_hash, email_verified_at IS NOT NULL AS verified, login_count, name
           FROM users WHERE lower(email) = lower($1)`,
        [email],
      )
    )[0];
  const verify = (email: string) =>
    rows(database().db, 'UPDATE users SET email_verified_at = now() WHERE email = $1', [email]);
  /** Everything that a sign-in writes. */
  const written = () =>
    rows(
      database().db,
      `SELECT (SELECT count(*) FROM users) u, (SELECT count(*) FROM users WHERE google_id IS NOT NULL) g,
              (SELECT sum(login_count) FROM users) l, (SELECT count(*) FROM refresh_families) f,
              (SELECT count(*) FROM ledger_entries) e`,
    );
  async function refusedWithoutTrace(attempt: () => Promise<Response>, code: ErrorCode): Promise<string> {
    const before = await written();
    const { detail } = await expectProblem(await attempt(), code);
    expect(await written()).to.deep.equal(before);
    return detail;
  }

  describe('out to it and back', () => {
    it('opens an account with its welcome credits, and answers as login does', async () => {
      const person = newPerson();
      const answer = await enter(person);
      expect(answer.status).to.equal(200);
      const [first = '', second = ''] = answer.headers.getSetCookie();
      const signedIn = (await answer.json()) as SignedIn;
      expect(signedIn.user).to.include({
        email: person.email,
        name: 'Ada',
        role: 'user',
        emailVerified: true,
      });
      expect(first + second).to.include(`parley_refresh=${signedIn.refreshToken}`);
      const me = await app.fetch('/auth/me', { headers: bearer(signedIn.accessToken) });
      expect(await me.json()).to.deep.equal(signedIn.user);
      const { refreshToken } = signedIn;
      expect((await app.send('POST', '/auth/refresh', { refreshToken })).status).to.equal(200);
      expect(await userOf(person.email)).to.include({
        google_id: person.sub,
        password_hash: null,
        verified: true,
        login_count: 1,
      });
      const [account] = await rows<{ balance: string }>(
        database().db,
        'SELECT balance FROM accounts WHERE user_id = $1',
        [signedIn.user.id],
      );
      expect(Number(account?.balance)).to.equal(77);
    });

    it('finds the same account again, by Google’s id, whatever its address is by then', async () => {
      const person = newPerson();
      const first = await entered(person);
      const again = await entered({ ...person, email: 'moved@example.com', email_verified: false });
      expect(again.user).to.deep.equal(first.user);
      expect(await userOf(person.email)).to.include({ login_count: 2 });
    });

    it('sends state and PKCE, keeps the verifier to itself, and shows it when it takes the code', async () => {
      const begun = await begin(newPerson());
      const asked = google.asked.authorize.at(-1);
      expect(Object.fromEntries(asked ?? [])).to.include({
        response_type: 'code',
        client_id: CLIENT.id,
        redirect_uri: CALLBACK,
        scope: 'openid email profile',
        code_challenge_method: 'S256',
      });
      const [challenge, state] = [asked?.get('code_challenge'), asked?.get('state')];
      expect(state).to.match(/^[\w-]{43}$/);
      expect(challenge).to.match(/^[\w-]{43}$/);
      expect((await finish(begun)).status).to.equal(200);
      const { code_verifier: verifier = '', ...token } = google.asked.token.at(-1) ?? {};
      expect(createHash('sha256').update(verifier).digest('base64url')).to.equal(challenge);
      expect(token).to.include({ grant_type: 'authorization_code', redirect_uri: CALLBACK });
      expect(begun.back + begun.cookie).to.not.include(verifier);
      // In the header, and nothing in the URL.
      expect(google.asked.userinfo.at(-1)).to.match(/^Bearer [\w.-]+ $/);
    });

    it('is bound to the browser by a cookie for scripts of no one, for ten minutes', async () => {
      const started = await get(app, '/auth/google');
      expect(started.headers.getSetCookie()).to.have.lengthOf(1);
      expect(started.headers.getSetCookie()[0]).to.match(
        /^parley_google=[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/,
      );
      expect(started.headers.get('cache-control')).to.equal('no-store');
      const env = { ...google.env, NODE_ENV: 'production' };
      const production = await startTestApp({ database: database(), env });
      const [cookie] = (await get(production, '/auth/google')).headers.getSetCookie();
      await production.close();
      expect(cookie).to.match(/^__Host-parley_google=[\w-]{43}; Path=\/; .*; SameSite=Lax; Secure$/);
    });

    it('may end in another process than it has begun in, and under /api', async () => {
      const begun = await begin(newPerson());
      expect((await finish(begun, other)).status).to.equal(200);
      const again = await begin(newPerson());
      expect((await get(other, `/api${again.back}`, again.cookie)).status).to.equal(200);
    });

    it('works in two tabs at once', async () => {
      const first = await begin(newPerson());
      const started = await get(app, '/auth/google', first.cookie);
      const [cookie = ''] = started.headers.getSetCookie().map((each) => each.split(';')[0]);
      expect(cookie).to.equal(first.cookie);
      const atGoogle = await fetch(started.headers.get('location') ?? '', { redirect: 'manual' });
      const { search } = new URL(atGoogle.headers.get('location') ?? '');
      expect((await finish({ cookie, back: `/auth/google/callback${search}` })).status).to.equal(200);
      expect((await finish(first)).status).to.equal(200);
    });

    it('opens one account when a person comes back many times at once', async () => {
      const person = newPerson();
      const begun = await Promise.all(Array.from({ length: 6 }, () => begin(person)));
      const answers = await Promise.all(begun.map((each, index) => finish(each, index % 2 ? app : other)));
      expect(answers.map(({ status }) => status)).to.deep.equal(Array(6).fill(200));
      const users = await Promise.all(answers.map(async (each) => ((await each.json()) as SignedIn).user.id));
      expect(new Set(users)).to.have.lengthOf(1);
      expect(await userOf(person.email)).to.include({ login_count: 6 });
    });

    it('gives each of many who come back at once what is theirs', async () => {
      const people = Array.from({ length: 8 }, () => newPerson());
      const begun: Begun[] = [];
      for (const person of people) begun.push(await begin(person));
      // Each is told of once: who is answered what was for another, another is not.
      google.userinfoQueue.push(...people);
      const answers = await Promise.all(begun.map((each) => finish(each)));
      const emails = await Promise.all(
        answers.map(async (each) => ((await each.json()) as SignedIn).user.email),
      );
      expect(emails).to.have.members(people.map(({ email }) => email));
    });

    it('makes the account of ADMIN_EMAIL an admin', async () => {
      expect((await entered(newPerson({ email: 'Boss@example.com' }))).user.role).to.equal('admin');
    });

    it('takes a name for what it is', async () => {
      const named = async (name: unknown) => (await entered(newPerson({ name }))).user.name;
      expect(await named(' Ada\r\n\tLovelace\u0000 ')).to.equal('Ada Lovelace');
      expect(await named('x'.repeat(300))).to.equal('x'.repeat(100));
      expect(await named(undefined)).to.equal(null);
      expect(await named(7)).to.equal(null);
    });
  });

  describe('to accounts that there are', () => {
    it('links the one with the same address, when both sides have verified it', async () => {
      const person = newPerson();
      const { email, password, user } = await signUpAs(person.email.toUpperCase());
      await verify(email);
      const signedIn = await entered(person);
      expect(signedIn.user.id).to.equal(user.id);
      expect(await userOf(email)).to.include({ google_id: person.sub, login_count: 2 });
      expect((await app.send('POST', '/auth/login', { email, password })).status).to.equal(200);
    });

    it('never links one whose address nobody has verified, and says what to do', async () => {
      const person = newPerson();
      await signUpAs(person.email);
      const detail = await refusedWithoutTrace(() => enter(person), 'email_taken');
      expect(detail)
        .to.match(/password/)
        .and.to.include('/auth/forgot-password');
    });

    it('never links, opens or tells anything of an account for an address that Google has not verified', async () => {
      for (const email_verified of [false, undefined, 'true', 1]) {
        const person = newPerson({ email_verified });
        await refusedWithoutTrace(() => enter(person), 'email_not_verified');
        await verify((await signUpAs(person.email)).email);
        await refusedWithoutTrace(() => enter(person), 'email_not_verified');
      }
      await refusedWithoutTrace(() => enter(newPerson({ email: undefined })), 'email_not_verified');
      await refusedWithoutTrace(() => enter(newPerson({ email: 'nobody' })), 'email_not_verified');
    });

    it('never links a second account of Google', async () => {
      const person = newPerson();
      await entered(person);
      await refusedWithoutTrace(() => enter({ ...person, sub: 'another' }), 'email_taken');
    });

    it('refuses a deactivated one, linked or not', async () => {
      const [linked, same] = [newPerson(), newPerson()];
      await entered(linked);
      await verify((await signUpAs(same.email)).email);
      for (const person of [linked, same]) {
        await rows(database().db, 'UPDATE users SET is_active = false WHERE email = $1', [person.email]);
        await refusedWithoutTrace(() => enter(person), 'forbidden');
      }
    });
  });

  describe('refuses without a trace', () => {
    it('a state that was forged, is another browser’s, or is missing', async () => {
      const [mine, theirs] = [await begin(newPerson()), await begin(newPerson())];
      const withState = (state: string) => mine.back.replace(/state=[^&]*/, `state=${state}`);
      const cases: [what: string, back: string, cookie: string | undefined][] = [
        ['forged', withState('x'.repeat(43)), mine.cookie],
        ['not even like one', withState('%00'), mine.cookie],
        ['no state', mine.back.replace(/&?state=[^&]*/, ''), mine.cookie],
        ['no cookie: a stolen link', mine.back, undefined],
        ['the cookie of another browser: a planted link', mine.back, theirs.cookie],
        ['a made-up cookie', mine.back, `parley_google=${'x'.repeat(43)}`],
        ['a cookie that is none', mine.back, 'parley_google=%'],
      ];
      const before = google.asked.token.length;
      for (const [what, back, cookie] of cases) {
        const answer = await finish({ back, cookie: cookie ?? '' });
        const code = what === 'not even like one' ? 'validation_failed' : 'sign_in_not_completed';
        await refusedWithoutTrace(async () => answer, code);
      }
      // Nobody has asked Google anything.
      expect(google.asked.token).to.have.lengthOf(before);
      expect((await finish(mine)).status).to.equal(200);
    });

    it('what was used before', async () => {
      const begun = await begin(newPerson());
      expect((await finish(begun)).status).to.equal(200);
      await refusedWithoutTrace(() => finish(begun), 'sign_in_not_completed');
      // The code alone, in a new journey: Google knows it as used.
      const next = await begin(newPerson());
      const code = /code=([^&]*)/.exec(begun.back)?.[1] ?? '';
      google.intercept('/token', json(400, { error: 'invalid_grant' }));
      const replayed = { ...next, back: next.back.replace(/code=[^&]*/, `code=${code}`) };
      await refusedWithoutTrace(() => finish(replayed), 'sign_in_not_completed');
    });

    it('a state of two at once but for one of them', async () => {
      const begun = await begin(newPerson());
      const answers = await Promise.all([finish(begun, app), finish(begun, other), finish(begun, app)]);
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 400, 400]);
    });

    it('a verifier that does not belong to the code', async () => {
      const [one, two] = [await begin(newPerson()), await begin(newPerson())];
      const code = /code=([^&]*)/.exec(two.back)?.[1] ?? '';
      const injected = { ...one, back: one.back.replace(/code=[^&]*/, `code=${code}`) };
      await refusedWithoutTrace(() => finish(injected), 'google_failed');
    });

    it('who was declined there', async () => {
      const { cookie } = await begin(newPerson());
      for (const error of ['access_denied', 'server_error', 'x'.repeat(200), '%3Cscript%3E']) {
        const back = `/auth/google/callback?error=${error}&error_description=%3Cscript%3E`;
        const detail = await refusedWithoutTrace(() => finish({ cookie, back }), 'sign_in_not_completed');
        expect(detail).to.not.include('<');
      }
    });

    it('a request that is none', async () => {
      const { cookie } = await begin(newPerson());
      for (const query of ['', '?state=x', '?code=', '?code=a&code=b', `?code=${'x'.repeat(2_001)}`]) {
        const attempt = () => finish({ cookie, back: `/auth/google/callback${query}` });
        await refusedWithoutTrace(attempt, 'validation_failed');
      }
    });

    // Where it did not come as far as userinfo.
    afterEach(() => google.interceptNothing());

    const answers: Record<string, (res: ServerResponse) => void> = {
      'fails (500)': json(500, { error: 'server_error' }),
      'does not know the client': json(401, {
        error: 'invalid_client',
        error_description: 'a-secret-of-the-client',
      }),
      'answers nothing of use': json(200, {}),
      'answers null': json(200, null),
      'answers a page': (res) => res.writeHead(200).end('<html>'),
      'breaks off': (res) => res.destroy(),
      'never stops': flood,
      'sends elsewhere': (res) => res.writeHead(302, { location: '/userinfo' }).end(),
    };
    const silences: typeof answers = {
      'says nothing': () => {},
      'begins and never ends': (res) => void res.writeHead(200).write('{'),
    };
    for (const [what, answer] of Object.entries({ ...answers, ...silences })) {
      const at = () => (what in silences ? hasty : app);

      it(`when the token endpoint ${what}`, async () => {
        const begun = await begin(newPerson());
        google.intercept('/token', answer);
        await refusedWithoutTrace(() => finish(begun, at()), 'google_failed');
        await refusedWithoutTrace(() => finish(begun, at()), 'sign_in_not_completed');
      });

      it(`when userinfo ${what}`, async () => {
        const begun = await begin(newPerson());
        google.intercept('/userinfo', answer);
        await refusedWithoutTrace(() => finish(begun, at()), 'google_failed');
      });
    }

    it('when userinfo is longer than it ever is', async () => {
      await refusedWithoutTrace(() => enter(newPerson({ more: 'x'.repeat(200_000) })), 'google_failed');
    });

    it('when userinfo has no id, or one that is none', async () => {
      for (const sub of [undefined, '', 7, 'x'.repeat(256), 'a\u0000b', { $ne: null }]) {
        await refusedWithoutTrace(() => enter(newPerson({ sub })), 'google_failed');
      }
    });
  });

  describe('with a page to go on to', () => {
    it('sends the browser there with the cookie, and no token in the URL', async () => {
      const answer = await finish(await begin(newPerson(), withPage), withPage);
      expect(answer.status).to.equal(302);
      expect(answer.headers.get('location')).to.equal(PAGE);
      expect(await answer.text()).to.equal('');
      const cookie = answer.headers.getSetCookie().find((each) => each.startsWith('parley_refresh='));
      const refreshed = await withPage.fetch('/auth/refresh', {
        method: 'POST',
        headers: { cookie: cookie?.split(';')[0] ?? '' },
      });
      expect(refreshed.status).to.equal(200);
    });

    it('sends it there with the code of a refusal, and no cookie', async () => {
      const refused = async (attempt: Promise<Response>, code: ErrorCode) => {
        const answer = await attempt;
        expect(answer.status).to.equal(302);
        expect(answer.headers.get('location')).to.equal(`${PAGE}&error=${code}`);
        expect(answer.headers.getSetCookie().join()).to.not.include('parley_refresh');
      };
      const person = newPerson({ email_verified: false });
      await refused(finish(await begin(person, withPage), withPage), 'email_not_verified');
      await refused(get(withPage, '/auth/google/callback?error=access_denied'), 'sign_in_not_completed');
      const begun = await begin(newPerson(), withPage);
      google.intercept('/token', json(500, {}));
      logged.length = 0;
      await refused(finish(begun, withPage), 'google_failed');
      expect(logged.join('')).to.include('google_failed');
    });
  });

  it('is refused by name where it is not set up, which is no failure of the server', async () => {
    logged.length = 0;
    const bare = await startTestApp({ database: database(), log });
    await expectProblem(await get(bare, '/auth/google'), 'not_configured');
    await expectProblem(await get(bare, '/auth/google/callback?code=x&state=y'), 'not_configured');
    await bare.close();
    const page = await startTestApp({ database: database(), log, env: { OAUTH_REDIRECT_URL: PAGE } });
    const sent = await get(page, '/auth/google/callback?code=x&state=y');
    expect(sent.headers.get('location')).to.equal(`${PAGE}&error=not_configured`);
    await page.close();
    const lines = logged.map((line) => JSON.parse(line) as { level: number | string; err?: unknown });
    expect(lines).to.not.be.empty;
    expect(lines.filter(({ err }) => err !== undefined)).to.be.empty;
  });

  describe('at the end of all that', () => {
    it('logs no code, state, verifier, token or secret, not even where Google repeats one', () => {
      const secrets = [
        CLIENT.secret,
        ...google.asked.authorize.flatMap((each) => each.get('state') ?? []),
        ...google.asked.token.flatMap(({ code = '', code_verifier = '' }) => [code, code_verifier]),
        ...google.asked.userinfo.map((each) => each.split(' ')[1] ?? ''),
      ].filter((each) => each !== '');
      expect(secrets.length).to.be.greaterThan(100);
      const log = logged.join('');
      expect(log).to.include('google_failed');
      expect(secrets.filter((secret) => log.includes(secret))).to.deep.equal([]);
    });
  });

  async function signUpAs(email: string): Promise<SignedIn & { email: string; password: string }> {
    const credentials = { email, password: 'correct horse' };
    const answer = await app.send('POST', '/auth/register', credentials);
    expect(answer.status).to.equal(201);
    return { ...((await answer.json()) as SignedIn), ...credentials };
  }
});

function json(status: number, body: unknown): (res: ServerResponse) => void {
  return (res) => res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** More than anybody should keep in memory. */
function flood(res: ServerResponse): void {
  res.writeHead(200, { 'content-type': 'application/json' });
  const chunk = 'x'.repeat(100_000);
  const more = () => {
    if (!res.destroyed) res.write(chunk, () => setImmediate(more));
  };
  more();
}
