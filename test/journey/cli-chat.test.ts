import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { builtScript, type ParleyProcess, type ProcessEnv, startAllInOne } from '../support/processes.ts';
import { freePort } from '../support/redis.ts';

/** Words a second that the server writes. */
const SPEED = 40;
/** Short, so that every reply of some length outlives a token. */
const TOKEN_MINUTES = 0.05;

describe('npm run chat, against a real server', function () {
  this.timeout(120_000);

  let directory: string;
  let url: string;
  let env: ProcessEnv;
  let server: ParleyProcess;
  let script: string;

  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'parley-chat-'));
    // As root PostgreSQL runs as somebody else, who must be able to pass; mkdtemp makes 0700.
    await chmod(directory, 0o711);
    env = {
      DATA_DIR: directory,
      PORT: String(await freePort()),
      ECHO_TOKENS_PER_SECOND: String(SPEED),
      ACCESS_TOKEN_MINUTES: String(TOKEN_MINUTES),
    };
    script = await builtScript('cli/chat.ts');
    server = await startAllInOne(env);
    url = server.url;
  });

  after(async () => {
    await server?.terminate();
    await rm(directory, { recursive: true, force: true });
  });

  it('signs up, then in, and prints nothing but the replies', async () => {
    const first = chat(['ada@example.com'], 'Hello there\nHow are you?\n');
    expect(await first.exited).to.equal(0);
    expect(first.out).to.equal('Hello there\nHow are you?\n');
    expect(first.err).to.match(/^Signed up: a new account for ada@example\.com\.$/m);

    const second = chat(['ada@example.com'], 'And again\n');
    expect(await second.exited).to.equal(0);
    expect(second.out).to.equal('And again\n');
    expect(second.err).to.match(/^Signed in as ada@example\.com\.$/m);
  });

  it('asks for the e-mail address and the password when they are not given', async () => {
    const client = run(script, ['--url', url], 'bob@example.com\ncorrect horse\nHello\n');
    expect(await client.exited).to.equal(0);
    expect(client.out).to.equal('Hello\n');
    expect(client.err).to.include('bob@example.com');
  });

  it('tells why it cannot go on, and fails', async () => {
    await chat(['eve@example.com'], '').exited;
    const wrong = chat(['eve@example.com', 'another password'], 'Hello\n');
    expect(await wrong.exited).to.equal(1);
    expect(wrong.err).to.match(/^The password is wrong\.$/m);

    const nowhere = run(script, ['--url', 'http://127.0.0.1:9', '--email', 'a@b.cd', '--password', 'x']);
    expect(await nowhere.exited).to.equal(1);
    expect(nowhere.err).to.match(/^There is no answer from http:\/\/127\.0\.0\.1:9\.$/m);
  });

  it('goes on with a session, and knows its commands', async () => {
    const first = chat(['cat@example.com'], 'Once upon a time\n');
    await first.exited;
    const sessionId = /^Session (\S+) \(echo\)\.$/m.exec(first.err)?.[1] ?? '';
    const file = path.join(directory, 'export.json');

    const lines = [
      '/model',
      '/model nobody/knows',
      '/regenerate',
      `/export ${file}`,
      '/sessions',
      '/new',
      '/what',
    ];
    const second = chat(['cat@example.com'], `${lines.join('\n')}\n`, ['--session', sessionId]);
    expect(await second.exited).to.equal(1);
    expect(second.out).to.equal('Once upon a time\n');
    expect(second.err).to.match(/^You: Once upon a time$/m);
    expect(second.err).to.match(/^Reply: Once upon a time$/m);
    expect(second.err).to.match(/^echo answers\.$/m);
    expect(second.err).to.include('"nobody/knows" is not a model of this server');
    expect(second.err).to.match(/^ {2}1 {2}Once upon a time {2}echo, 3 messages, /m);
    expect(second.err.match(/^Session /gm)).to.have.length(2);
    expect(second.err).to.include('There is no command /what.');
    const exported = JSON.parse(await readFile(file, 'utf8')) as { messages: { content: string }[] };
    expect(exported.messages.map(({ content }) => content)).to.deep.equal(Array(3).fill('Once upon a time'));
  });

  it('stops the reply at Ctrl-C, and leaves when there is no more input', async () => {
    const text = wordsFor(60);
    const client = chat(['dan@example.com'], `${text}\n`);
    await client.until(() => client.out.length > 100);
    client.kill('SIGINT');
    expect(await client.exited).to.equal(0);
    expect(client.err).to.match(/^\[stopped · echo · /m);
    expect(client.out.length).to.be.lessThan(text.length);
    expect(text.startsWith(client.out.trimEnd())).to.equal(true);
  });

  it('leaves at once when Ctrl-C comes twice, while the server cannot be reached', async () => {
    const client = chat(['fay@example.com'], `${wordsFor(60)}\n`);
    await client.until(() => client.out.length > 20);
    server.signal('SIGSTOP');
    try {
      client.kill('SIGINT');
      await client.until(() => client.err.includes('Ctrl-C again leaves'));
      // As one press may come as two signals, the second press is not taken at once.
      await sleep(200);
      client.kill('SIGINT');
      expect(await client.exited).to.equal(130);
    } finally {
      server.signal('SIGCONT');
    }
  });

  it('ends in silence when nobody reads its replies any more, as behind `| head`', async () => {
    const client = chat(['ivy@example.com'], `${'Hello\n'.repeat(20)}`);
    await client.until(() => client.out.includes('Hello'));
    client.stopReading();
    expect(await client.exited).to.equal(141);
    expect(client.err).to.not.include('EPIPE');
  });

  it('renews its token while a reply is being written', async () => {
    const text = wordsFor(TOKEN_MINUTES * 60 + 1.5);
    const client = chat(['guy@example.com'], `${text}\n`);
    expect(await client.exited).to.equal(0);
    expect(client.out).to.equal(`${text}\n`);
    expect(client.err).to.not.include('lost');
  });

  it('ends with exactly the text when the server is killed and comes back, its token expired meanwhile', async () => {
    const text = wordsFor(3);
    const client = chat(['hal@example.com'], `${text}\n`);
    await client.until(() => client.out.length > 100);
    await server.kill();
    await client.until(() => client.err.includes('The connection is lost'));
    await sleep(TOKEN_MINUTES * 60_000);
    server = await startAllInOne(env);

    expect(await client.exited).to.equal(0);
    expect(client.err).to.include('The connection is back');
    const [before = '', after] = client.out.split('--- interrupted; the reply starts over ---\n');
    expect(text.startsWith(before.trimEnd())).to.equal(true);
    expect(after).to.equal(`${text}\n`);
  });

  function chat([email, password = 'correct horse']: string[], input: string, more: string[] = []): Client {
    const who = ['--email', email ?? '', '--password', password];
    return run(script, ['--url', url, ...who, ...more], input);
  }
});

/** Numbered words, so that a lost or doubled one shows. */
function wordsFor(seconds: number): string {
  return Array.from({ length: Math.round(seconds * SPEED) }, (_, n) => `word${n}`).join(' ');
}

/** The client in a process of its own. */
class Client {
  out = '';
  err = '';
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #over = false;

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
    this.exited = once(child, 'close').then(([code, signal]) => {
      this.#over = true;
      return (code ?? signal) as number | string;
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Nobody takes what it prints any more. */
  stopReading(): void {
    this.#child.stdout.destroy();
  }

  /** Waits until something holds; fails when the program ends before. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#over) throw new Error(`It ended too early.\n${this.out}\n${this.err}`);
      await sleep(20);
    }
  }
}

/** `npm run chat -- …`, of the script that was built. */
function run(script: string, args: string[], input = ''): Client {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(input);
  return new Client(child);
}
