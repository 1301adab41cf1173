import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { openDatabase } from '../../src/data/database.ts';
import { startEmbeddedPostgres } from '../../src/data/embedded-postgres.ts';
import { ChatClient } from '../support/chat-client.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import type { Following } from '../support/following.ts';
import { silentLog } from '../support/global.ts';
import { expectInvariants, expectSameEverywhere } from '../support/invariants.ts';
import { type ParleyProcess, type ProcessEnv, startAllInOne } from '../support/processes.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { words } from '../support/words.ts';

/** What the specification promises. */
const TAKEN_OVER_MS = 15_000;
/** Words a second: slow enough to be hit in the middle, fast enough to wait for an end. */
const SLOW = { ECHO_TOKENS_PER_SECOND: '50' };
const FAST = { ECHO_TOKENS_PER_SECOND: '400' };

describe('the embedded default, ended in the middle of a reply and started again on its data', function () {
  this.timeout(60_000);
  let dataDir: string;
  let parley: ParleyProcess;
  let user: TestUser;
  let sessionId: string;
  let socket: ChatClient;
  let stream: EventStreamClient;
  const asked = new Map<string, string>();

  const start = async (env: ProcessEnv) => {
    parley = await startAllInOne({ DATA_DIR: dataDir, SHUTDOWN_GRACE_MS: '300', ...env });
  };

  async function follow(): Promise<void> {
    await socket.connect(parley);
    await socket.join(sessionId);
    await stream.open(parley, sessionId);
  }

  async function ask(text: string): Promise<string> {
    const { replies } = await user.at(parley).say(sessionId, text);
    const reply = replies[0]?.id ?? '';
    asked.set(reply, text);
    return reply;
  }

  before(async function () {
    this.timeout(60_000);
    dataDir = await mkdtemp(path.join(os.tmpdir(), 'parley-all-'));
    // As root PostgreSQL runs as somebody else, who must be able to pass; mkdtemp makes 0700.
    await chmod(dataDir, 0o711);
    await start(SLOW);
    user = await signUp(parley);
    sessionId = (await user.at(parley).newSession()).id;
    [socket, stream] = [new ChatClient(user), new EventStreamClient(user)];
    await follow();
  });

  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.error(parley.output);
  });

  after(async () => {
    socket.cut();
    stream.cut();
    await parley.kill();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });

  it('by kill -9: everything is there, and the reply is written once more, to its end', async () => {
    const before = await ask('What was there before');
    await socket.done([before]);
    const reply = await ask(words(1_000));
    await Promise.all([socket.has(reply, 300), stream.has(reply, 300)]);
    await parley.kill();
    const died = performance.now();
    await start(FAST);
    await follow();
    await socket.has(reply, 1, { attempt: 2, timeoutMs: TAKEN_OVER_MS });
    expect(performance.now() - died).to.be.lessThan(TAKEN_OVER_MS);
    await Promise.all([socket, stream].map((client: Following) => client.done([reply])));
    expect(socket.transcript.copies.get(reply)?.attempts).to.deep.equal([0, 1, 2]);
    const { data } = await user.at(parley).get<{ data: { content: string }[] }>(`/messages/${sessionId}`);
    expect(data.map(({ content }) => content)).to.deep.equal([
      words(1_000),
      words(1_000),
      'What was there before',
      'What was there before',
    ]);
  });

  it('by SIGTERM: it ends cleanly, and the reply is handed over to the next start', async () => {
    const reply = await ask(words(4_000));
    await Promise.all([socket.has(reply, 300), stream.has(reply, 300)]);
    const exit = await parley.terminate();
    expect(exit).to.deep.include({ code: 0, signal: null });
    expect(exit.afterMs, 'a grace of 300 ms, and what PostgreSQL takes').to.be.lessThan(5_000);
    await start({ ECHO_TOKENS_PER_SECOND: '2000' });
    const started = performance.now();
    await follow();
    await socket.has(reply, 1, { attempt: 2 });
    expect(performance.now() - started, 'it waits for nothing').to.be.lessThan(3_000);
    await Promise.all([socket, stream].map((client: Following) => client.done([reply])));
    expect(socket.transcript.copies.get(reply)?.attempts).to.deep.equal([0, 1, 2]);
  });

  it('and has kept every invariant', async () => {
    expect(await parley.terminate()).to.deep.include({ code: 0 });
    const postgres = await startEmbeddedPostgres({ dataDir, log: silentLog });
    const database = await openDatabase({ url: postgres.url, poolSize: 2 });
    try {
      await expectSameEverywhere(database, [socket, stream], [...asked.keys()]);
      for (const [id, text] of asked) expect(socket.transcript.text(id) === text, id).to.equal(true);
      await expectInvariants(database);
    } finally {
      await database.close();
      await postgres.stop();
    }
  });
});
