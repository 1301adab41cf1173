import { expect } from 'chai';
import type { Page } from '../../src/base/page.ts';
import type { Message } from '../../src/contracts/message.ts';
import type { OpenRun, StartedRun } from '../../src/contracts/playground.ts';
import type { ChatAnswer } from '../../src/contracts/routes/chat.ts';
import type { Session } from '../../src/contracts/session.ts';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useCluster } from '../support/cluster.ts';
import { expectInvariants } from '../support/invariants.ts';
import { random } from '../support/random.ts';
import { describeWithRedis } from '../support/redis.ts';
import { ReplyTexts } from '../support/reply-texts.ts';
import { SseReader } from '../support/sse-reader.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { words } from '../support/words.ts';

const LANES = 8;
/** What the specification promises for a worker that dies, and a little. */
const TAKEN_OVER_MS = 20_000;

const dice = random();

/** A browser on the stream of a run: it comes back with the last id to whichever process answers. */
class Browser {
  readonly texts = new ReplyTexts();
  readonly #user: TestUser;
  readonly #query: string;
  #reader: SseReader | undefined;
  #read = 0;
  lastEventId: string | undefined;
  run: StartedRun | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: the test knows what `end` carries.
  ended: any;

  constructor(user: TestUser, query: Record<string, string>) {
    this.#user = user;
    this.#query = `${new URLSearchParams(query)}`;
  }

  /** Opens the stream; answers the status. */
  async open({ url }: { url: string }): Promise<number> {
    const headers = this.lastEventId === undefined ? undefined : { 'last-event-id': this.lastEventId };
    const target = { url, token: this.#user.token };
    this.#reader = await SseReader.open(target, {
      path: `/playground/stream?${this.#query}`,
      ...(headers && { headers }),
    });
    this.#read = 0;
    return this.#reader.status;
  }

  /** Reads until the condition holds, or the stream is at its end. */
  async until(what: string, condition: () => boolean, timeoutMs?: number): Promise<void> {
    const reader = this.#reader;
    await reader?.until(what, () => this.#take() && (condition() || reader.ended), timeoutMs);
  }

  cut(): void {
    this.#reader?.cut();
    this.#take();
  }

  #take(): boolean {
    for (const event of this.#reader?.events.slice(this.#read) ?? []) {
      this.#read += 1;
      this.texts.take(event);
      this.lastEventId = event.id ?? this.lastEventId;
      if (event.event === 'session') this.run = event.data;
      if (event.event === 'end') this.ended = event.data;
    }
    return true;
  }
}

describeWithRedis(`a playground on several processes (TEST_SEED=${dice.seed})`, function () {
  this.timeout(90_000);
  // So that all lanes at once are as many on each worker.
  const cluster = useCluster({ webs: 2, workers: 2, env: { WORKER_CONCURRENCY: `${LANES / 2}` } });

  const expectExact = async (browser: Browser, text: string) => {
    expect(browser.texts.faults).to.deep.equal([]);
    const lanes = browser.run?.lanes ?? [];
    expect(lanes).to.have.length(LANES);
    for (const { messageId, lane } of lanes) {
      expect(browser.texts.copies.get(messageId)?.text === text, `the text of lane ${lane}`).to.equal(true);
    }
    expect(browser.ended).to.include({ status: 'completed' });
    await expectInvariants(cluster().database);
  };
  const echoes = (prompt: string) => ({ prompt, models: Array(LANES).fill('echo').join(',') });

  it('gives whoever is cut off again and again, and comes back to the other one, every lane exactly', async () => {
    const user = await signUp(cluster().web(0));
    const text = words(2_000);
    const browser = new Browser(user, { ...echoes(text), clientMessageId: crypto.randomUUID() });
    let cuts = 0;
    for (; !browser.ended; cuts++) {
      expect(await browser.open(cluster().web(cuts % 2))).to.equal(200);
      const next = browser.texts.received + dice.between(0, 6_000);
      await browser.until(`${next} characters`, () => browser.texts.received >= next);
      browser.cut();
    }
    expect(cuts).to.be.above(5);
    await expectExact(browser, text);
    expect(await browser.open(cluster().web(0)), 'nothing more').to.equal(204);
    const counted = await rows(cluster().database.db, 'SELECT id FROM generations WHERE user_id = $1', [
      user.id,
    ]);
    expect(counted).to.have.length(LANES);
  });

  it('loses no lane with a worker that is killed', async () => {
    const user = await signUp(cluster().web(0));
    const text = words(1_500, 'k');
    const browser = new Browser(user, echoes(text));
    await browser.open(cluster().web(0));
    await browser.until('a run', () => browser.run !== undefined);
    const socket = await ChatClient.joined(user, cluster().web(1), browser.run?.session.id ?? '');
    const lanes = () => [...browser.texts.copies.values()];
    const begun = () => lanes().length === LANES && lanes().every((copy) => copy.text.length > 100);
    await browser.until('some of each', begun);
    await cluster().worker(1).kill();
    const added = cluster().addWorker();
    await browser.until('the end', () => browser.ended !== undefined, TAKEN_OVER_MS);
    await expectExact(browser, text);
    const restarted = lanes().filter(({ restarts }) => restarts > 0);
    expect(restarted, 'those that were on it').to.have.length(LANES / 2);
    const ids = browser.run?.lanes.map(({ messageId }) => messageId) ?? [];
    await socket.done(ids);
    for (const id of ids) expect(socket.transcript.text(id) === text).to.equal(true);
    socket.cut();
    const run = await user
      .at(cluster().web(1))
      .get<OpenRun>(`/playground/sessions/${browser.run?.session.id}`);
    expect(run.conversations.map(({ response }) => response === text)).to.deep.equal(Array(LANES).fill(true));
    await added;
  });

  it('goes on with a web process that stops: the other has the rest', async () => {
    const user = await signUp(cluster().web(0));
    const text = words(1_200, 's');
    const browser = new Browser(user, echoes(text));
    await browser.open(cluster().web(0));
    await browser.until('some of it', () => browser.texts.received > 2_000);
    const exit = cluster().web(0).terminate();
    await browser.until('the end of the stream', () => false);
    expect(browser.ended).to.equal(undefined);
    expect((await exit).code).to.equal(0);
    const replaced = cluster().replaceWeb(0);
    await browser.open(cluster().web(1));
    await browser.until('the end', () => browser.ended !== undefined);
    await expectExact(browser, text);
    await replaced;
  });

  it('writes the reply of a chat in one call for whoever has left, and gives it to whoever asks again elsewhere', async () => {
    const user = await signUp(cluster().web(0));
    const body = { message: words(600, 'c') };
    const headers = { 'idempotency-key': crypto.randomUUID() };
    const left = new AbortController();
    const leaving = user
      .at(cluster().web(0))
      .send('POST', '/chat', body, { headers, signal: left.signal })
      .catch((error: Error) => error.name);
    const there = user.at(cluster().web(1));
    const session = async () => (await there.get<{ data: Session[] }>('/chat/sessions')).data[0];
    await until('it is asked', async () => (await session()) !== undefined);
    const { id } = (await session()) as Session;
    const reply = async () => (await there.get<Page<Message>>(`/messages/${id}`)).data[0];
    await until('it is written', async () => (await reply())?.status === 'streaming');
    left.abort();
    expect(await leaving).to.equal('AbortError');
    const answer = (await (await there.send('POST', '/chat', body, { headers })).json()) as ChatAnswer;
    expect(answer.reply).to.include({ sessionId: id, content: body.message, status: 'completed' });
    expect(await reply()).to.deep.equal(answer.reply);
    await expectInvariants(cluster().database);
  });
});
