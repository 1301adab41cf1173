import { expect } from 'chai';
import { Redis } from 'ioredis';
import { createLogger } from '../../src/base/logger.ts';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { type ProviderWireServer, startProviderWireServer } from '../support/provider-wire-server.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { describeWithRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { RestClient } from '../support/rest-client.ts';
import { type SmtpServer, startSmtpServer } from '../support/smtp-server.ts';
import { makeKey, withToken } from '../support/test-keys.ts';
import { signInAgain, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWholeApp, type WholeApp } from '../support/whole-app.ts';

/** A word that stands nowhere else. */
const canary = (name: string) => `canary-${name}-${crypto.randomUUID()}`;
const MODEL = 'openai/gpt-5.4-mini';

describe('secrets', () => {
  suite();
});
describeWithRedis('secrets, with Redis', () => {
  suite(startRedis);
});

function suite(openRedis?: () => Promise<TestRedis>) {
  const database = useTestDatabase();
  const lines: string[] = [];
  /** The bodies of all refusals. */
  const refusals: string[] = [];
  /** All that is kept in the queue while a reply is being written. */
  let jobs = '';
  let generationId = '';
  let app: WholeApp;
  let provider: ProviderWireServer;
  let smtp: SmtpServer;
  let ann: TestUser;
  let redis: TestRedis | undefined;

  /** What must stand nowhere but where it was put, by name. */
  const secrets: Record<string, string> = {
    'a password': canary('password'),
    'a wrong password': canary('wrong'),
    'a new password': canary('new'),
    'a password after a reset': canary('reset'),
    JWT_SECRET: canary('jwt'),
    OPENAI_API_KEY: canary('provider'),
    'the password of the mail server': canary('smtp'),
    METRICS_TOKEN: canary('metrics'),
    GOOGLE_CLIENT_SECRET: canary('google'),
  };
  const secret = (name: string): string => secrets[name] ?? '';
  /** What only its owner sees. */
  const contents: Record<string, string> = {
    'a message': canary('message'),
    'a message to a provider': canary('prompt'),
    'a reply': canary('reply'),
    'the name of a group': canary('group'),
    'the title of a session': canary('title'),
    'an e-mail address': `${canary('mail')}@example.com`,
    'an unknown e-mail address': `${canary('unknown')}@example.com`,
  };
  const content = (name: string): string => contents[name] ?? '';

  before(async function () {
    this.timeout(30_000);
    [provider, smtp] = await Promise.all([
      startProviderWireServer(),
      startSmtpServer(secret('the password of the mail server')),
    ]);
    redis = await openRedis?.();
    const url = new URL(database().url);
    if (url.password === '') url.password = canary('database');
    secrets['the password of the database'] = url.password;
    app = await startWholeApp(database(), {
      log: createLogger({
        level: 'trace',
        pretty: false,
        destination: { write: (line) => lines.push(line) },
      }),
      env: {
        DATABASE_URL: url.href,
        ...(redis ? { REDIS_URL: redis.url } : {}),
        LOG_LEVEL: 'trace',
        JWT_SECRET: secret('JWT_SECRET'),
        OPENAI_API_KEY: secret('OPENAI_API_KEY'),
        OPENAI_BASE_URL: `${provider.url}/v1`,
        SMTP_URL: smtp.url,
        MAIL_FROM: 'parley@example.com',
        METRICS_TOKEN: secret('METRICS_TOKEN'),
        GOOGLE_CLIENT_ID: 'parley',
        GOOGLE_CLIENT_SECRET: secret('GOOGLE_CLIENT_SECRET'),
        LOGIN_FAILURES: '100',
      },
    });
    await journey();
  });
  after(async () => {
    await app?.close();
    smtp.close();
    await provider.close();
    await redis?.close();
  });

  /** A request that is to be refused, as what it is refused with is looked through. */
  async function refused(
    status: number,
    method: string,
    path: string,
    init: RequestInit = {},
  ): Promise<void> {
    const answer = await fetch(app.url + path, { ...init, method, redirect: 'manual' });
    const text = await answer.text();
    expect(answer.status, `${method} ${path}: ${text}`).to.equal(status);
    refusals.push(text);
  }
  const json = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  const post = async (path: string, body: object, method = 'POST'): Promise<SignedIn> => {
    const answer = await fetch(app.url + path, { method, ...json(body) });
    const text = await answer.text();
    expect(answer.ok, `${path}: ${text}`).to.equal(true);
    return (text === '' ? {} : JSON.parse(text)) as SignedIn;
  };
  /** From now on these are looked for too. */
  const keep = (which: string, { accessToken, refreshToken }: SignedIn): SignedIn => {
    Object.assign(secrets, {
      [`the access token ${which}`]: accessToken,
      [`the refresh token ${which}`]: refreshToken,
    });
    return { accessToken, refreshToken } as SignedIn;
  };
  /** Everything that is kept in these tables. */
  async function dump(tables: { schema: string; name: string }[]): Promise<string> {
    const all = await Promise.all(
      tables.map(({ schema, name }) =>
        rows<{ row: string }>(database().db, `SELECT each::text AS row FROM "${schema}"."${name}" AS each`),
      ),
    );
    return JSON.stringify(all);
  }
  const tables = () =>
    rows<{ schema: string; name: string }>(
      database().db,
      `SELECT table_schema AS schema, table_name AS name FROM information_schema.tables
        WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
    );
  const isOfQueue = ({ schema, name }: { schema: string; name: string }) => /bull/i.test(`${schema}.${name}`);

  /** Somebody does everything that there is to do, and much of it wrong. */
  async function journey(): Promise<void> {
    const email = content('an e-mail address');
    const password = secret('a password');
    const credentials = { email, password };
    const first = await post('/auth/register', credentials);
    keep('of signing up', first);
    await refused(409, 'POST', '/auth/register', json(credentials));
    await refused(401, 'POST', '/auth/login', json({ email, password: secret('a wrong password') }));
    const unknown = content('an unknown e-mail address');
    await refused(401, 'POST', '/auth/login', json({ email: unknown, password }));
    await refused(400, 'POST', '/auth/login', json({ email, password, token: password }));
    await refused(400, 'POST', '/auth/login', json({ email: password, password: [password] }));
    await refused(400, 'POST', '/auth/login', { ...json(''), body: `{"password":"${password}"` });
    const signedIn = keep('of signing in', await post('/auth/login', credentials));
    const next = keep('of refreshing', await post('/auth/refresh', { refreshToken: signedIn.refreshToken }));
    await refused(401, 'POST', '/auth/refresh', json({ refreshToken: `${next.refreshToken.slice(1)}x` }));
    const token = next.accessToken;
    ann = {
      id: first.user.id,
      email,
      password,
      token,
      at: ({ url }) => new RestClient({ url, userId: first.user.id, token }),
    };
    const client = ann.at(app);
    const { authorization } = client;

    const { key } = await makeKey(app, ann, { scopes: ['chat', 'models'] });
    secrets['an API key'] = key;
    const { ticket } = await client.post<{ ticket: string }>('/auth/stream-ticket');
    secrets['a stream ticket'] = ticket;
    await refused(403, 'GET', '/auth/me', { headers: { 'x-api-key': key } });
    await refused(401, 'GET', '/groups', { headers: { 'x-api-key': `${key}x` } });
    await refused(401, 'GET', `/auth/me?token=${token}&key=${key}&ticket=${ticket}`);
    await refused(405, 'GET', `/auth/reset-password/${key}`);
    await refused(404, 'GET', `/auth/reset/${token}`);
    await refused(401, 'GET', '/metrics', { headers: { authorization: `Bearer ${token}` } });

    // Messages: one that is answered, one that is being answered, one that its provider refuses.
    const session = await client.newSession({ model: 'echo', title: content('the title of a session') });
    const socket = await ChatClient.joined(withToken(ann, key), app, session.id);
    const sent = await socket.send({ sessionId: session.id, content: content('a message') });
    await socket.done(sent.replies.map(({ id }) => id));
    socket.cut();
    await refused(
      400,
      'POST',
      '/messages',
      json({ sessionId: content('a message'), content: content('a message'), x: token }, { authorization }),
    );
    await app.admin.patch(`/admin/users/${ann.id}`, { role: 'premium' });
    const ask = (text: string) =>
      client.post<SendMessageAnswer>('/messages', { sessionId: session.id, content: text, model: MODEL });
    const ended = async ({ replies: [reply] }: SendMessageAnswer) => {
      const sql = 'SELECT 1 FROM generations WHERE message_id = $1 AND completed_at IS NOT NULL';
      await until('the end of a reply', async () => (await rows(database().db, sql, [reply?.id])).length > 0);
    };
    const quote = `key ${secret('OPENAI_API_KEY')} may not ask ${content('a message to a provider')}`;
    provider.answer({ steps: [openAiWire.begin, openAiWire.text(content('a reply')), openAiWire.end()] });
    await ended(await ask(content('a message to a provider')));
    for (const status of [401, 400, 500]) {
      provider.answer({ status, steps: [openAiWire.errorBody(secret('OPENAI_API_KEY'), quote)] });
      await ended(await ask(content('a message to a provider')));
    }
    provider.answer({
      steps: [
        openAiWire.begin,
        openAiWire.text('So'),
        `data: ${JSON.stringify({ error: { message: quote, code: 503 } })}\n\n`,
      ],
    });
    await ended(await ask(content('a message to a provider')));
    const { replies } = await client.say(session.id, `${content('a message')} `.repeat(500));
    const [running] = await rows<{ id: string }>(
      database().db,
      'SELECT id FROM generations WHERE message_id = $1',
      [replies[0]?.id],
    );
    generationId = running?.id ?? '';
    const queue = (await tables()).filter(isOfQueue);
    const look = () => (redis ? dumpRedis(redis.url, 'bull:*') : dump(queue));
    await until('the job of a reply', async () => {
      jobs = await look();
      return jobs.includes(generationId);
    });
    await client.post(`/messages/${replies[0]?.id}/stop`);

    // Failures of ours.
    const away = async (table: string, during: () => Promise<void>) => {
      await database().db.query(`ALTER TABLE ${table} RENAME TO away`);
      await during().finally(() => database().db.query(`ALTER TABLE away RENAME TO ${table}`));
    };
    const group = json({ name: content('the name of a group') }, { authorization });
    await away('groups', () => refused(500, 'POST', '/groups', group));
    await away('refresh_families', () => refused(500, 'POST', '/auth/login', json(credentials)));
    await away('users', () => refused(500, 'POST', '/auth/login', json({ email: unknown, password })));

    // Passwords.
    const currentPassword = secret('a wrong password');
    const newPassword = secret('a new password');
    await refused(401, 'PATCH', '/auth/password', json({ currentPassword, newPassword }, { authorization }));
    await client.patch('/auth/password', { currentPassword: password, newPassword });
    const mailed = async (count: number) => {
      await post('/auth/forgot-password', { email });
      await until('a mail', () => smtp.mails.length >= count);
      const link = /#([\w-]{43})/.exec(smtp.mails.at(-1) ?? '')?.[1];
      secrets[`the token of mail ${count}`] = link ?? 'no link';
      return link ?? '';
    };
    const failures = () => lines.filter((line) => line.includes('failed in the background')).length;
    smtp.mood = 'no sender';
    await post('/auth/forgot-password', { email });
    await until('the log of a mail that failed', () => failures() === 1);
    smtp.mood = 'no mail';
    await mailed(1);
    await until('the log of a mail that failed', () => failures() === 2);
    smtp.mood = 'well';
    const link = await mailed(2);
    await refused(
      400,
      'PATCH',
      `/auth/reset-password/${link.slice(1)}x`,
      json({ password: secret('a password after a reset') }),
    );
    keep(
      'of the reset',
      await post(`/auth/reset-password/${link}`, { password: secret('a password after a reset') }, 'PATCH'),
    );
    await refused(400, 'PATCH', `/auth/reset-password/${link}`, json({ password }));
  }

  const everything = () => ({ ...secrets, ...contents });
  /** Expects none of these in a text; says which, never the text. */
  function expectNone(of: Record<string, string>, text: string, where: string): void {
    for (const [name, value] of Object.entries(of)) {
      expect(value, name).to.have.lengthOf.above(15);
      const encoded = [
        value,
        encodeURIComponent(value),
        Buffer.from(value).toString('hex'),
        Buffer.from(value).toString('base64').replace(/=+$/, '').slice(4, -4),
      ];
      const found = encoded.map((each) => text.indexOf(each)).find((at) => at >= 0);
      if (found !== undefined) {
        expect.fail(`${name} stands in ${where}: …${text.slice(Math.max(0, found - 300), found + 120)}…`);
      }
    }
  }

  it('are in no line of the log, however much is logged', () => {
    const log = lines.join('');
    expect(lines).to.have.lengthOf.above(40);
    // The provider has quoted them.
    expect(provider.requests).to.have.lengthOf.above(3);
    expect(log).to.include(ann.id).and.to.include('failed to answer a request');
    expectNone(everything(), log, 'the log');
  });

  it('are in no refusal', () => {
    expect(refusals).to.have.lengthOf.above(15);
    expectNone(everything(), refusals.join('\n'), 'a refusal');
  });

  it('are in no job', () => {
    expect(jobs).to.include(generationId);
    expectNone(everything(), jobs, 'a job');
  });

  it('are in no table in clear', async () => {
    const all = await dump(await tables());
    expect(all).to.include(content('a reply')).and.to.include(content('an e-mail address'));
    expectNone(secrets, all, 'a table');
  });

  if (openRedis) {
    it('are in no key of Redis, nor under one', async () => {
      const all = await dumpRedis(redis?.url ?? '', '*');
      expect(all).to.include('bull:').and.to.have.lengthOf.above(500);
      expectNone(everything(), all, 'Redis');
    });
  }

  it('are in no export, and those of others not in what admins see', async () => {
    const client = (await signInAgain(app, { ...ann, password: secret('a password after a reset') })).at(app);
    const mine = await client.all<{ id: string }>('/sessions');
    expect(mine).to.have.lengthOf.above(0);
    const paths = [
      '/user/export',
      ...mine.flatMap(({ id }) => [`/sessions/${id}/export.json`, `/sessions/${id}/export.md`]),
    ];
    for (const path of paths) {
      const text = await (await client.send('GET', path)).text();
      expect(text).to.include(content('a message'));
      expectNone(secrets, text, path);
    }
    const { 'an e-mail address': _known, ...hidden } = contents;
    for (const path of [
      '/admin/generations?limit=100',
      '/admin/audit-log?limit=100',
      '/admin/stats',
      `/admin/users/${ann.id}`,
    ]) {
      const text = await (await app.admin.send('GET', path)).text();
      expectNone({ ...secrets, ...hidden }, text, path);
    }
  });

  it('are not in the metrics, nor in the state of the system, nor on the board of queues', async () => {
    const headers = { authorization: `Bearer ${secret('METRICS_TOKEN')}` };
    const metrics = await (await fetch(`${app.url}/metrics`, { headers })).text();
    expect(metrics).to.include('parley_');
    expectNone(everything(), metrics, '/metrics');
    for (const path of ['/admin/system', '/admin/queues/api/queues', '/health/ready']) {
      const answer = await app.admin.send('GET', path);
      expect(answer.status).to.equal(200);
      expectNone(everything(), await answer.text(), path);
    }
  });
}

/** The keys of Redis that fit a pattern, with all that is under them. */
async function dumpRedis(url: string, pattern: string): Promise<string> {
  const client = new Redis(url);
  const read: Record<string, (key: string) => Promise<unknown>> = {
    string: (key) => client.get(key),
    hash: (key) => client.hgetall(key),
    list: (key) => client.lrange(key, 0, -1),
    set: (key) => client.smembers(key),
    zset: (key) => client.zrange(key, '0', '-1'),
    stream: (key) => client.xrange(key, '-', '+'),
  };
  try {
    const keys = await client.keys(pattern);
    const all = keys.map(async (key) => [key, await read[await client.type(key)]?.(key)]);
    return JSON.stringify(await Promise.all(all));
  } finally {
    client.disconnect();
  }
}
