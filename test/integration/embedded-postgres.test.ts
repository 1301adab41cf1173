import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { Client } from 'pg';
import { createLogger } from '../../src/base/logger.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/data/embedded-postgres.ts';
import { findBinaries } from '../../src/data/embedded-postgres-binaries.ts';
import { acquireLock } from '../../src/data/embedded-postgres-lock.ts';
import { inspectProcess } from '../../src/data/embedded-postgres-process.ts';
import type { AsRoot } from '../../src/data/embedded-postgres-runner.ts';

const log = createLogger({ level: 'silent', pretty: false });
const childScript = fileURLToPath(new URL('../support/embedded-postgres-child.ts', import.meta.url));
const isRoot = process.getuid?.() === 0;

describe('embedded PostgreSQL', () => {
  let dataDir: string;
  /** A directory on which it has run, and been stopped. */
  let usedDir: string;
  const running: EmbeddedPostgres[] = [];
  const children: ChildProcess[] = [];

  before(async () => {
    usedDir = await makeDataDir();
    await (await startEmbeddedPostgres({ dataDir: usedDir, log })).stop();
  });

  after(() => rm(usedDir, { recursive: true, force: true }));

  beforeEach(async () => {
    dataDir = await makeDataDir();
  });

  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) await kill(child);
    }
    await Promise.all(running.splice(0).map((postgres) => postgres.stop()));
    const pid = await serverPid(dataDir);
    if (pid) await until('the server is gone', async () => !(await inspectProcess(pid)));
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(options: { asRoot?: AsRoot; signal?: AbortSignal } = {}): Promise<EmbeddedPostgres> {
    const postgres = await startEmbeddedPostgres({ dataDir, log, ...options });
    running.push(postgres);
    return postgres;
  }

  /**
   * Makes the directory one on which it has run before: a first start has to make a cluster, which takes longer than all
   * that is tested of most starts.
   */
  const useData = () => promisify(execFile)('cp', ['-a', path.join(usedDir, 'postgres'), dataDir]);

  /** Runs it in a process of its own and waits for what that says. */
  async function startInChild(): Promise<{ child: ChildProcess; url?: string; refused?: string }> {
    const child = spawn(process.execPath, ['--import', 'tsx', childScript, dataDir], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    return { child, ...(JSON.parse(line) as { url?: string; refused?: string }) };
  }

  it('starts on an empty directory and answers', async () => {
    const postgres = await start();
    expect(await query(postgres.url, 'select 1 as value')).to.deep.equal([{ value: 1 }]);
    expect(postgres.adopted).to.equal(false);
  });

  it('is durable, listens only on 127.0.0.1 and wants its password', async () => {
    const { url } = await start();
    const settings = `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
      current_setting('listen_addresses') as listen, current_setting('unix_socket_directories') as sockets`;
    expect(await query(url, settings)).to.deep.equal([
      { fsync: 'on', commit: 'on', listen: '127.0.0.1', sockets: '' },
    ]);
    const wrong = new URL(url);
    wrong.password = 'guess';
    expect(await refusal(query(wrong.href, 'select 1'))).to.match(/password authentication failed/);
    expect((await stat(path.join(dataDir, 'postgres', 'password'))).mode & 0o777).to.equal(0o600);
    expect((await stat(path.join(dataDir, 'postgres'))).mode & 0o777).to.equal(0o700);
  });

  it('keeps the data over a stop and a start', async () => {
    await useData();
    const first = await start();
    await writeNote(first.url);
    await first.stop();
    const second = await start();
    expect(await readNotes(second.url)).to.deep.equal(['kept']);
    expect(second.adopted).to.equal(false);
  });

  it('stops the server, also when stop is called twice or the server is gone already', async () => {
    await useData();
    const postgres = await start();
    const pid = await serverPid(dataDir);
    await Promise.all([postgres.stop(), postgres.stop()]);
    await postgres.stop();
    expect(await inspectProcess(pid as number)).to.equal(undefined);

    const again = await start();
    const secondPid = (await serverPid(dataDir)) as number;
    process.kill(secondPid, 'SIGQUIT');
    await until('the server is gone', async () => !(await inspectProcess(secondPid)));
    await again.stop();
  });

  it('refuses a second start while the first lives, naming its pid and DATA_DIR', async () => {
    await useData();
    await start();
    const text = `already in use by pid ${process.pid}`;
    expect(await refusal(start()))
      .to.include(text)
      .and.include(dataDir)
      .and.include('DATA_DIR');
    expect((await startInChild()).refused).to.include(text);
  });

  it('lets exactly one of several processes start when all start at once', async () => {
    const all = await Promise.all([startInChild(), startInChild(), startInChild()]);
    expect(all.filter(({ url }) => url)).to.have.length(1);
    expect(all.filter(({ refused }) => refused?.includes('already in use'))).to.have.length(2);
  });

  it('loses nothing when its process is killed, and starts again', async function () {
    await useData();
    const first = await startInChild();
    await writeNote(first.url as string);
    const pid = (await serverPid(dataDir)) as number;
    await kill(first.child);
    const second = await start();
    expect(await readNotes(second.url)).to.deep.equal(['kept']);
    if (process.platform !== 'linux') return this.skip();
    await until('the server of the killed process is gone', async () => !(await inspectProcess(pid)));
    expect(second.adopted).to.equal(false);
  });

  it('stops the server when its process is killed', async function () {
    if (process.platform !== 'linux') return this.skip();
    await useData();
    const { child } = await startInChild();
    const pid = (await serverPid(dataDir)) as number;
    await kill(child);
    await until('the server is gone', async () => !(await inspectProcess(pid)));
    expect(await serverPid(dataDir)).to.equal(undefined);
  });

  it('adopts a server that is still running, and stops it', async () => {
    await useData();
    const first = await start();
    await writeNote(first.url);
    const pid = (await serverPid(dataDir)) as number;
    await rm(path.join(dataDir, 'postgres', 'parley.lock'));
    const second = await start();
    expect(second.adopted).to.equal(true);
    expect(await readNotes(second.url)).to.deep.equal(['kept']);
    expect(await serverPid(dataDir)).to.equal(pid);
    await second.stop();
    expect(await inspectProcess(pid)).to.equal(undefined);
  });

  it('takes over locks whose pid belongs to another program by now', async function () {
    if (process.platform === 'win32') return this.skip();
    await useData();
    const first = await start();
    await writeNote(first.url);
    const pidFile = path.join(dataDir, 'postgres', 'pgdata', 'postmaster.pid');
    const ofServer = await readFile(pidFile, 'utf8');
    await first.stop();
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    children.push(other);
    await writeFile(pidFile, ofServer.replace(/^\d+/, String(other.pid)), { mode: 0o600 });
    await writeFile(
      path.join(dataDir, 'postgres', 'parley.lock'),
      JSON.stringify({ pid: other.pid, startedAt: 'another time' }),
    );
    expect(await readNotes((await start()).url)).to.deep.equal(['kept']);
    expect(await inspectProcess(other.pid as number)).not.to.equal(undefined);
  });

  it('starts when the killed server was never reaped', async function () {
    if (process.platform !== 'linux') return this.skip();
    await useData();
    const first = await start();
    const pidFile = path.join(dataDir, 'postgres', 'pgdata', 'postmaster.pid');
    const ofServer = await readFile(pidFile, 'utf8');
    await first.stop();
    // `sleep` never waits for the child that it inherits from the shell, which must not end before the shell is it.
    const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    children.push(parent);
    const [zombie] = (await once(createInterface(parent.stdout as Readable), 'line')) as [string];
    await until('the shell is sleep', async () =>
      (await readFile(`/proc/${parent.pid}/comm`, 'utf8')).startsWith('sleep'),
    );
    (parent.stdio[3] as Writable).end();
    await until('it is a zombie', async () =>
      (await readFile(`/proc/${zombie}/stat`, 'utf8')).includes(') Z '),
    );
    expect(await inspectProcess(Number(zombie))).to.equal(undefined);
    await writeFile(pidFile, ofServer.replace(/^\d+/, zombie), { mode: 0o600 });
    expect((await start()).adopted).to.equal(false);
  });

  it('lets one of several take over a stale lock', async () => {
    const file = path.join(dataDir, 'lock');
    await writeFile(file, JSON.stringify({ pid: process.pid, startedAt: 'another time' }));
    await writeFile(`${file}.takeover`, 'cut sh');
    const all = await Promise.all(Array.from({ length: 20 }, () => acquireLock(file)));
    expect(all.filter((attempt) => 'release' in attempt)).to.have.length(1);
    expect(await readdir(dataDir)).to.deep.equal(['lock']);
  });

  it('starts over when an earlier initdb was cut short', async () => {
    await mkdir(path.join(dataDir, 'postgres', 'pgdata.new-left'), { recursive: true });
    await writeFile(path.join(dataDir, 'postgres', 'password'), 'of the earlier try');
    const { url } = await start();
    expect(await query(url, 'select 1 as value')).to.deep.equal([{ value: 1 }]);
    expect(await refusal(stat(path.join(dataDir, 'postgres', 'pgdata.new-left')))).to.include('ENOENT');
  });

  it('gives up when aborted and leaves the directory free', async () => {
    const abort = new AbortController();
    const starting = start({ signal: abort.signal });
    const home = path.join(dataDir, 'postgres');
    await until('initdb has begun', () => stat(path.join(home, 'password')).then(Boolean, () => false));
    abort.abort(new Error('changed my mind'));
    expect(await refusal(starting)).to.include('changed my mind');
    expect(await query((await start()).url, 'select 1 as value')).to.deep.equal([{ value: 1 }]);
  });

  it('says what PostgreSQL said when that does not start', async () => {
    await useData();
    await (await start()).stop();
    await writeFile(path.join(dataDir, 'postgres', 'pgdata', 'postgresql.conf'), 'no_such_setting = 1\n');
    expect(await refusal(start())).to.include('no_such_setting');
  });

  it('tells to set DATABASE_URL where there are no binaries', async () => {
    expect(await refusal(findBinaries('sunos', 'sparc'))).to.include('set DATABASE_URL');
  });

  describe('as root without user namespaces', () => {
    before(function () {
      if (!isRoot) this.skip();
    });

    it('runs as another user, and goes back and forth with the data kept', async () => {
      await useData();
      const home = path.join(dataDir, 'postgres');
      const first = await start();
      await writeNote(first.url);
      await first.stop();
      const second = await start({ asRoot: 'system-user' });
      const { uid } = await stat(home);
      expect(uid).to.be.greaterThan(0);
      expect((await stat(`/proc/${await serverPid(dataDir)}`)).uid).to.equal(uid);
      expect(await readNotes(second.url)).to.deep.equal(['kept']);
      await second.stop();
      expect(await readNotes((await start()).url)).to.deep.equal(['kept']);
      expect((await stat(home)).uid).to.equal(0);
    });

    it('says which directory is in the way', async () => {
      await useData();
      await chmod(dataDir, 0o700);
      const said = await refusal(start({ asRoot: 'system-user' }));
      expect(said).to.include(`may not enter ${dataDir}.`).and.include('chmod a+x').and.include('DATA_DIR');
    });
  });
});

async function makeDataDir(): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'parley-pg-'));
  // The user that the fallback runs as must be able to pass through; mkdtemp makes 0700.
  await chmod(directory, 0o711);
  return directory;
}

/** `kill -9`, and wait until it is gone. */
async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

const writeNote = (url: string) =>
  query(url, `create table note (body text); insert into note values ('kept')`);

async function readNotes(url: string): Promise<string[]> {
  return (await query(url, 'select body from note')).map((row) => (row as { body: string }).body);
}

/** The message of a promise that must reject. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return String(error);
  }
  throw new Error('it was not refused');
}

async function serverPid(dataDir: string): Promise<number | undefined> {
  const file = path.join(dataDir, 'postgres', 'pgdata', 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : Number(text.split('\n')[0]);
}

async function until(what: string, condition: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await pause(10)) {
    if (await condition()) return;
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}`);
}
