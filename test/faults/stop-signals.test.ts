import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { ChatClient } from '../support/chat-client.ts';
import { builtScript, type ParleyProcess, startAllInOne } from '../support/processes.ts';
import { signUp } from '../support/test-user.ts';
import { words } from '../support/words.ts';

/** More than one signal comes as one for so long. */
const LATER_MS = 1_200;

describe('a process that is told more than once to stop, in the middle of a reply', function () {
  this.timeout(60_000);
  let dataDir: string;
  let parley: ParleyProcess | undefined;

  beforeEach(async () => {
    dataDir = await mkdtemp(path.join(os.tmpdir(), 'parley-stop-'));
    // As root PostgreSQL runs as somebody else, who must be able to pass; mkdtemp makes 0700.
    await chmod(dataDir, 0o711);
  });
  afterEach(async () => {
    await parley?.kill();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });

  async function writing(graceMs: number): Promise<ParleyProcess> {
    parley = await startAllInOne({
      DATA_DIR: dataDir,
      SHUTDOWN_GRACE_MS: String(graceMs),
      ECHO_TOKENS_PER_SECOND: '20',
    });
    const user = await signUp(parley);
    const { id } = await user.at(parley).newSession();
    const client = await ChatClient.joined(user, parley, id);
    const { replies } = await user.at(parley).say(id, words(4_000));
    await client.has(replies[0]?.id ?? '', 1);
    client.cut();
    return parley;
  }

  it('stops cleanly when that was one Ctrl-C, from the terminal and from npm', async () => {
    const process = await writing(300);
    process.signal('SIGINT');
    await sleep(50);
    process.signal('SIGINT');
    expect(await process.exited).to.deep.equal({ code: 0, signal: null });
    expect(process.output).to.include('"msg":"stopped"');
  });

  it('stops quietly when it was still starting', async () => {
    const child = spawn(process.execPath, [await builtScript('src/server.ts')], {
      env: { PATH: process.env.PATH, NODE_ENV: 'test', DATA_DIR: dataDir, PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        const wasOpen = said.includes('PostgreSQL is ready');
        said += text;
        // The schema is being made now.
        if (!wasOpen && said.includes('PostgreSQL is ready')) child.kill('SIGTERM');
      });
    }
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, said }).to.deep.include({ code: 0 });
    expect(said).to.include('"msg":"stopped"').and.not.include('could not start');
  });

  it('ends at once when somebody does not want to wait', async () => {
    const process = await writing(30_000);
    process.signal('SIGTERM');
    await sleep(LATER_MS);
    const since = performance.now();
    process.signal('SIGINT');
    expect(await process.exited).to.deep.equal({ code: 1, signal: null });
    expect(performance.now() - since).to.be.lessThan(5_000);
  });
});
