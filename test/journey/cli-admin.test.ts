import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { AuditEntry } from '../../src/contracts/audit.ts';
import { rows } from '../../src/data/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { builtScript, type ParleyProcess, type ProcessEnv, startAllInOne } from '../support/processes.ts';
import { freePort } from '../support/redis.ts';
import { signUp } from '../support/test-user.ts';
import { until } from '../support/until.ts';

interface Said {
  code: number;
  out: string;
  err: string;
}

/** `npm run admin -- …`, with these variables and no others. */
async function admin(env: ProcessEnv, ...words: string[]): Promise<Said> {
  const args = [await builtScript('cli/admin.ts'), ...words];
  const variables = { PATH: process.env.PATH ?? '', ...env };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: variables });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

describe('npm run admin, on the embedded database', function () {
  this.timeout(120_000);

  let env: ProcessEnv;
  let server: ParleyProcess;

  before(async () => {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'parley-admin-'));
    // As root PostgreSQL runs as somebody else, who must be able to pass; mkdtemp makes 0700.
    await chmod(directory, 0o711);
    env = { DATA_DIR: directory, PORT: String(await freePort()) };
  });
  after(async () => {
    await server?.terminate();
    await rm(env.DATA_DIR ?? '', { recursive: true, force: true });
  });

  it('says where nothing is', async () => {
    const said = await admin(env, 'list');
    expect(said).to.include({ code: 1, out: '' });
    expect(said.err).to.match(/^There is no Parley under .*DATABASE_URL/);
  });

  it('grants and revokes while the server runs, which knows it within 5 s', async () => {
    server = await startAllInOne(env);
    const ann = (await signUp(server, 'Ann@example.com')).at(server);
    await ann.refused('forbidden', ['GET', '/admin/users']);

    const granted = await admin(env, 'grant', 'ann@EXAMPLE.com');
    expect(granted).to.deep.equal({
      code: 0,
      out: 'Ann@example.com has the role admin now; before: user. A running server knows within 5 s.\n',
      err: '',
    });
    const reaches = async () => (await ann.send('GET', '/admin/users')).ok;
    await until('she is an admin', reaches, 5_500);
    const log = await ann.all<AuditEntry>('/admin/audit-log?actorId=cli');
    expect(log).to.have.length(1);
    expect(log[0]).to.deep.include({
      actorId: null,
      requestId: null,
      action: 'user.update',
      targetType: 'user',
      targetId: ann.userId,
      details: { before: { role: 'user' }, after: { role: 'admin' } },
    });

    expect((await admin(env, 'list')).out).to.equal('Ann@example.com  admin\n');
    const last = await admin(env, 'revoke', 'ann@example.com');
    expect(last).to.include({ code: 1, out: '' });
    expect(last.err).to.match(/nobody could do everything any more/);

    const bob = await signUp(server, 'bob@example.com');
    expect((await admin(env, 'grant', 'bob@example.com')).code).to.equal(0);
    expect((await admin(env, 'revoke', 'ann@example.com')).code).to.equal(0);
    await until('she is none any more', async () => !(await reaches()), 5_500);
    expect(await bob.at(server).all<AuditEntry>('/admin/audit-log?actorId=cli')).to.have.length(3);
  });

  it('does so while the server is down, too', async () => {
    await server.terminate();
    expect((await admin(env, 'grant', 'ann@example.com', 'premium')).out).to.match(
      /premium now; before: user/,
    );
    expect((await admin(env, 'grant', 'ann@example.com', 'premium')).out).to.match(/premium already/);
    expect((await admin(env, 'list')).out).to.equal('bob@example.com  admin\n');
    server = await startAllInOne(env);
    const users = await signUp(server);
    expect(await users.at(server).get('/auth/me')).to.include({ role: 'user' });
  });
});

describe('npm run admin, on DATABASE_URL', function () {
  this.timeout(60_000);

  let database: TestDatabase;
  let env: ProcessEnv;

  before(async () => {
    database = await createTestDatabase();
    env = { DATABASE_URL: database.url, DEFAULT_ROLE: 'viewer' };
    await rows(
      database.db,
      `INSERT INTO users (id, email) VALUES (gen_random_uuid(), 'ann@example.com'), (gen_random_uuid(), 'bob@example.com')`,
    );
  });
  after(() => database.close());

  it('works there, and gives DEFAULT_ROLE back', async () => {
    expect((await admin(env, 'list')).out).to.equal('Nobody.\n');
    expect((await admin(env, 'grant', 'ann@example.com')).code).to.equal(0);
    expect((await admin(env, 'grant', 'bob@example.com')).code).to.equal(0);
    expect((await admin(env, 'list')).out).to.equal('ann@example.com  admin\nbob@example.com  admin\n');
    expect((await admin(env, 'revoke', 'bob@example.com')).out).to.match(/viewer now; before: admin/);
  });

  it('says what it can do, and why it cannot', async () => {
    const nothing = await admin(env);
    expect(nothing).to.include({ code: 1, out: '' });
    expect(nothing.err).to.match(/^npm run admin -- grant EMAIL \[ROLE\]/);
    const nobody = await admin(env, 'grant', 'eve@example.com');
    expect(nobody).to.include({ code: 1, out: '' });
    expect(nobody.err).to.match(/^There is no account of eve@example\.com/);
    const away = await admin({ DATABASE_URL: 'postgres://127.0.0.1:1/none' }, 'list');
    expect(away.code).to.equal(1);
    expect(away.err).to.match(/ECONNREFUSED/);
  });
});
