import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { describeWithRedis, redisUrl } from '../support/redis.ts';
import { signInAgain, signUp } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWholeApp, type WholeApp } from '../support/whole-app.ts';

const BOARD = '/admin/queues';

interface BoardQueue {
  name: string;
  readOnlyMode: boolean;
  counts: Record<string, number>;
  jobs: { id: string; name: string; data: object }[];
  hasWorkers: boolean;
}

/** A browser: it sends the cookies that it was given, to the paths that they are for, and no other header of ours. */
class Browser {
  /** Of one name, by path. */
  readonly #cookies = new Map<string, string>();
  /** What the answers said of cookies. */
  readonly told: string[] = [];
  readonly #url: string;

  constructor({ url }: { url: string }) {
    this.#url = url;
  }

  async send(method: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
    const cookie = [...this.#cookies]
      .filter(([at]) => path === at || path.startsWith(`${at}/`) || path.startsWith(`${at}?`))
      .map(([, pair]) => pair)
      .join('; ');
    const answer = await fetch(this.#url + path, {
      method,
      headers: { ...headers, ...(cookie && { cookie }) },
    });
    for (const line of answer.headers.getSetCookie()) {
      this.told.push(line);
      this.#cookies.set(/Path=([^;]*)/.exec(line)?.[1] ?? '', line.split(';')[0] ?? '');
    }
    return answer;
  }

  get = (path: string, headers?: Record<string, string>) => this.send('GET', path, headers);
}

const ticketOf = async (client: WholeApp['admin']) =>
  (await client.post<{ ticket: string }>('/auth/stream-ticket')).ticket;

/** A browser that a ticket of the admin has let in. */
async function entered(app: WholeApp, prefix = ''): Promise<Browser> {
  const browser = new Browser(app);
  const answer = await browser.get(`${prefix}${BOARD}?ticket=${await ticketOf(app.admin)}`);
  expect(answer.status).to.equal(200);
  expect(await answer.text()).to.include(`url=${prefix}${BOARD}"`);
  return browser;
}

const queuesOf = async (browser: Browser, query = '') => {
  const answer = await browser.get(`${BOARD}/api/queues${query}`);
  const text = await answer.text();
  expect(answer.status, text).to.equal(200);
  return { text, queues: (JSON.parse(text) as { queues: BoardQueue[] }).queues };
};

describe('the board of queues', () => {
  suite({});
});
describeWithRedis('the board of queues, with Redis', () => {
  suite({ redis: true });
});

function suite({ redis }: { redis?: boolean }) {
  const database = useTestDatabase();
  let app: WholeApp;

  before(async () => {
    // Without a worker, so that what is asked can be looked at.
    app = await startWholeApp(database(), {
      without: 'worker',
      env: redis ? { REDIS_URL: await redisUrl() } : {},
    });
  });
  after(() => app.close());

  it('shows the queues and their jobs, by ids alone', async () => {
    const browser = await entered(app);
    const { id: sessionId } = await app.admin.newSession({ model: 'echo', title: 'canary-title' });
    const { replies } = await app.admin.say(sessionId, 'canary-content');
    await until('the job is there', async () => {
      const { queues } = await queuesOf(browser);
      return (queues.find(({ name }) => name === 'generations')?.counts.waiting ?? 0) > 0;
    });
    const { queues, text } = await queuesOf(browser, '?activeQueue=generations&page=1&jobsPerPage=100');
    expect(queues.map(({ name }) => name)).to.deep.equal(['generations', 'model-sync']);
    expect(queues.map(({ readOnlyMode }) => readOnlyMode)).to.deep.equal([true, true]);
    const { rows: found } = (await database()
      .dataSource.query('SELECT json_agg(id) AS rows FROM generations WHERE message_id = $1', [
        replies[0]?.id,
      ])
      .then(([row]: { rows: string[] }[]) => row)) as { rows: string[] };
    const job = queues[0]?.jobs.find(({ id }) => id === found[0]);
    expect(job?.data).to.deep.equal({ generationId: found[0], isFirst: true });
    const one = await (await browser.get(`${BOARD}/api/queues/generations/${found[0]}`)).text();
    expect(one).to.include(found[0]);
    expect(text + one).to.not.include('canary');
    await app.admin.post(`/messages/${replies[0]?.id}/stop`);
  });

  for (const prefix of ['', '/api']) {
    it(`is a page of files of this server alone${prefix && ', under /api too'}`, async () => {
      const browser = await entered(app, prefix);
      for (const path of [`${prefix}${BOARD}`, `${prefix}${BOARD}/queue/generations`]) {
        const page = await browser.get(path);
        expect(page.headers.get('content-type')).to.equal('text/html; charset=utf-8');
        const html = await page.text();
        expect(html).to.include(`<base href="${prefix}${BOARD}/"`);
        expect([...html.matchAll(/(?:src|href)="(https?:[^"]*)"/g)].map(([, at]) => at)).to.be.empty;
        const policy = page.headers.get('content-security-policy') ?? '';
        expect(policy).to.include("default-src 'none'; script-src 'self';").and.include("connect-src 'self'");
        expect(policy).to.not.match(/https?:|unsafe-eval/);
        // Scripts that stand in the page are data.
        for (const [, kind] of html.matchAll(/<script(?![^>]*src=)[^>]*?(?:type="([^"]*)")?>/g))
          expect(kind).to.equal('application/json');
        const files = [...html.matchAll(/(?:src|href)="(static\/[^"]*)"/g)].map(([, at]) => at);
        expect(files).to.have.lengthOf.above(4);
        for (const file of files) {
          const answer = await browser.get(`${prefix}${BOARD}/${file}`);
          expect(answer.status, file).to.equal(200);
          expect((await answer.arrayBuffer()).byteLength).to.be.above(100);
        }
      }
    });
  }

  it('answers all that the page asks for', async () => {
    const browser = await entered(app);
    for (const path of [
      'redis/stats',
      'queues/generations/workers',
      'queues/generations/metrics',
      'queues/generations/default-job-options',
      'job-schedulers',
      'queues/model-sync/rate-limit',
    ]) {
      const answer = await browser.get(`${BOARD}/api/${path}`);
      expect(answer.status, `${path}: ${await answer.text()}`).to.equal(200);
    }
    expect((await browser.get(`${BOARD}/api/queues/nothing/workers`)).status).to.equal(404);
    expect((await browser.get(`${BOARD}/static/../../package.json`)).status).to.equal(404);
    expect((await browser.get(`${BOARD}/static/..%2f..%2fpackage.json`)).status).to.be.oneOf([403, 404]);
  });

  it('has nothing else', async () => {
    const browser = await entered(app);
    for (const path of ['static/nothing.js', 'static/%22', 'api/nothing', 'api/queues/generations/x/y/z']) {
      await expectProblem(await browser.get(`${BOARD}/${path}`), 'not_found');
    }
  });

  it('changes nothing', async () => {
    const browser = await entered(app);
    for (const path of ['pause', 'generations/pause', 'generations/empty', 'generations/obliterate']) {
      await expectProblem(await browser.send('PUT', `${BOARD}/api/queues/${path}`), 'method_not_allowed');
    }
    await expectProblem(
      await browser.send('POST', `${BOARD}/api/queues/generations/add`),
      'method_not_allowed',
    );
  });

  it('gives the browser a cookie that scripts and other paths and sites do not get', async () => {
    const browser = await entered(app);
    expect(browser.told).to.have.length(2);
    for (const line of browser.told) {
      expect(line).to.match(/^parley_board=[\w.-]+; Path=(\/api)?\/admin\/queues; /);
      expect(line).to.include('; HttpOnly; SameSite=Strict');
      expect(Number(/Max-Age=(\d+)/.exec(line)?.[1])).to.be.within(1, 900);
    }
    await expectProblem(await browser.get(BOARD, { 'sec-fetch-site': 'same-site' }), 'unauthenticated');
    await expectProblem(await browser.get(BOARD, { 'sec-fetch-site': 'cross-site' }), 'unauthenticated');
    await expectProblem(await browser.get(BOARD, { origin: 'https://evil.example' }), 'unauthenticated');
    expect((await browser.get(BOARD, { 'sec-fetch-site': 'same-origin' })).status).to.equal(200);
  });

  it('is not for anybody else: page, files and data', async () => {
    const user = await signUp(app);
    const client = user.at(app);
    const chat = await app.keyOf(['chat']);
    for (const path of [
      BOARD,
      `${BOARD}/api/queues`,
      `${BOARD}/static/favicon.ico`,
      `/api${BOARD}/api/queues`,
    ]) {
      await expectProblem(await fetch(app.url + path), 'unauthenticated');
      await expectProblem(await client.send('GET', path), 'forbidden');
      await expectProblem(await chat.send('GET', path), 'forbidden');
      expect((await app.admin.send('GET', path)).status).to.equal(200);
    }
    const key = await app.keyOf(['admin']);
    expect((await key.send('GET', `${BOARD}/api/queues`)).status).to.equal(200);

    // A ticket is worth what it was issued for, and once.
    await expectProblem(await fetch(`${app.url}${BOARD}?ticket=${await ticketOf(client)}`), 'forbidden');
    const used = await ticketOf(app.admin);
    expect((await fetch(`${app.url}${BOARD}?ticket=${used}`)).status).to.equal(200);
    await expectProblem(await fetch(`${app.url}${BOARD}?ticket=${used}`), 'unauthenticated');
    await expectProblem(await fetch(`${app.url}${BOARD}?ticket=nonsense`), 'unauthenticated');
  });

  it('takes no session that it did not sign', async () => {
    const browser = await entered(app);
    const value = /parley_board=([^;]*)/.exec(browser.told[0] ?? '')?.[1] ?? '';
    const [text = '', signature = ''] = value.split('.');
    const claims = JSON.parse(Buffer.from(text, 'base64url').toString()) as object;
    const other = Buffer.from(JSON.stringify({ ...claims, expiresAt: 9e15 })).toString('base64url');
    const send = (session: string) =>
      fetch(`${app.url}${BOARD}`, { headers: { cookie: `parley_board=${session}` } });
    expect((await send(value)).status).to.equal(200);
    for (const forged of [`${other}.${signature}`, `${text}.`, text, `${text}.${signature}x`, '.', 'x.y.z']) {
      await expectProblem(await send(forged), 'unauthenticated');
    }
  });

  it('ends with the sign-in, or with the permission', async () => {
    const boss = await signUp(app);
    const client = boss.at(app);
    const setRole = async (role: string) => {
      await database().dataSource.query(`UPDATE users SET role = $1 WHERE id = $2`, [role, client.userId]);
    };
    await setRole('admin');
    const second = (await signInAgain(app, boss)).at(app);
    const browser = new Browser(app);
    expect((await browser.get(`${BOARD}?ticket=${await ticketOf(second)}`)).status).to.equal(200);
    expect((await browser.get(BOARD)).status).to.equal(200);
    await second.post('/auth/logout', {});
    await expectProblem(await browser.get(BOARD), 'token_revoked');

    const third = (await signInAgain(app, boss)).at(app);
    expect((await browser.get(`${BOARD}?ticket=${await ticketOf(third)}`)).status).to.equal(200);
    await setRole('user');
    await until('the change is known', async () => (await browser.get(BOARD)).status === 403, 8_000);
  });
}

describe('the board of queues that may change them', () => {
  const database = useTestDatabase();
  let app: WholeApp;
  before(async () => {
    app = await startWholeApp(database(), { without: 'worker', env: { QUEUE_BOARD_READONLY: 'false' } });
  });
  after(() => app.close());

  it('does so for who may manage roles too', async () => {
    const id = newId();
    await app.core.queue.enqueue(id);
    const browser = await entered(app);
    const role = newId();
    await database().dataSource.query(
      `INSERT INTO roles (name, permissions, all_permissions) VALUES ($1, '["system.view"]', false)`,
      [role],
    );
    const watcher = await signUp(app);
    await database().dataSource.query('UPDATE users SET role = $1 WHERE id = $2', [role, watcher.id]);
    const client = (await signInAgain(app, watcher)).at(app);
    await until('the role is known', async () => (await client.send('GET', BOARD)).status === 200, 8_000);
    await expectProblem(await client.send('PUT', `${BOARD}/api/queues/generations/${id}/clean`), 'forbidden');
    const crossed = await browser.send('PUT', `${BOARD}/api/queues/generations/${id}/clean`, {
      'sec-fetch-site': 'same-site',
    });
    await expectProblem(crossed, 'unauthenticated');
    const counts = async () => (await queuesOf(browser)).queues[0]?.counts.waiting;
    expect(await counts()).to.equal(1);
    const cleaned = await browser.send('PUT', `${BOARD}/api/queues/generations/${id}/clean`);
    expect(cleaned.status, await cleaned.text()).to.equal(204);
    expect(await counts()).to.equal(0);
  });
});

describe('the board of queues that may change them, and what it cannot read', () => {
  const database = useTestDatabase();
  let app: WholeApp;
  before(async () => {
    app = await startWholeApp(database(), { without: 'worker', env: { QUEUE_BOARD_READONLY: 'false' } });
  });
  after(() => app.close());

  const add = (body: string | undefined, headers: Record<string, string> = {}) =>
    fetch(`${app.url}${BOARD}/api/queues/generations/add`, {
      method: 'POST',
      headers: { authorization: app.admin.authorization, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body }),
    });

  it('refuses a body as every route does', async () => {
    for (const body of ['{"a":', '"', 'x']) await expectProblem(await add(body), 'malformed_json');
    await expectProblem(await add('{}', { 'content-encoding': 'gzip' }), 'unsupported_media_type');
    await expectProblem(await add('x=1', { 'content-type': 'text/plain' }), 'unsupported_media_type');
    await expectProblem(await add('{"data":"\\u0000"}'), 'validation_failed');
  });

  it('does nothing else', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      for (const path of ['', '/api/queues']) {
        await expectProblem(await app.admin.send(method, BOARD + path), 'not_found');
      }
    }
  });
});

describe('the board of queues, where access tokens live for a short time', () => {
  const database = useTestDatabase();
  let app: WholeApp;
  before(async () => {
    app = await startWholeApp(database(), { without: 'worker', env: { ACCESS_TOKEN_MINUTES: '2' } });
  });
  after(() => app.close());

  it('lets a key in no longer than its revocation is remembered', async () => {
    const key = await app.keyOf(['chat', 'admin']);
    const browser = new Browser(app);
    expect((await browser.get(`${BOARD}?ticket=${await ticketOf(key)}`)).status).to.equal(200);
    const [line = ''] = browser.told;
    expect(Number(/Max-Age=(\d+)/.exec(line)?.[1])).to.be.within(1, 120);
    const [text = ''] = (/parley_board=([^;]*)/.exec(line)?.[1] ?? '').split('.');
    const { expiresAt } = JSON.parse(Buffer.from(text, 'base64url').toString()) as { expiresAt: number };
    expect(expiresAt - Date.now()).to.be.within(0, 120_000);
  });
});

describe('the board of queues, and the rate limits', () => {
  const database = useTestDatabase();
  let app: WholeApp;
  before(async () => {
    app = await startWholeApp(database(), {
      without: 'worker',
      env: { RATE_LIMITS: 'on', RATE_LIMIT_GLOBAL_REQUESTS: '10' },
    });
  });
  after(() => app.close());

  it('does not count the requests of its page, but those of anybody else', async () => {
    const browser = await entered(app);
    for (let asked = 0; asked < 30; asked++) expect((await browser.get(BOARD)).status).to.equal(200);
    const statuses = new Set<number>();
    for (let asked = 0; asked < 12; asked++) statuses.add((await fetch(app.url + BOARD)).status);
    expect([...statuses]).to.deep.equal([401, 429]);
    expect((await browser.get(BOARD)).status).to.equal(200);
  });
});
