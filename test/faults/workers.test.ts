import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { expectInvariants, expectSameEverywhere } from '../support/invariants.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { words } from '../support/words.ts';

/** Words a second: fast enough to wait for an end, slow enough to be hit in the middle. */
const FAST = { ECHO_TOKENS_PER_SECOND: '400' };
const SLOW = { ECHO_TOKENS_PER_SECOND: '50' };
/** Enough of a text to be sure that it is being written. */
const SOME = 100;
/** What the specification promises. */
const TAKEN_OVER_MS = 15_000;

describeWithRedis('workers that stop, die and come back', function () {
  this.timeout(60_000);
  const cluster = useCluster({ webs: 1, workers: 0 });
  let user: TestUser;
  let sessionId: string;
  let socket: ChatClient;
  let stream: EventStreamClient;

  before(async () => {
    user = await signUp(cluster().web(0));
    sessionId = (await user.at(cluster().web(0)).newSession()).id;
    socket = await ChatClient.joined(user, cluster().web(0), sessionId);
    stream = new EventStreamClient(user);
    await stream.open(cluster().web(0), sessionId);
  });
  after(() => {
    socket.cut();
    stream.cut();
  });

  async function ask(text: string): Promise<string> {
    const { replies } = await user.at(cluster().web(0)).say(sessionId, text);
    return replies[0]?.id ?? '';
  }

  const copyOf = (reply: string) => socket.transcript.copies.get(reply);

  async function expectEnded(replies: string[]): Promise<void> {
    await Promise.all([socket.done(replies, TAKEN_OVER_MS), stream.done(replies, TAKEN_OVER_MS)]);
    await expectSameEverywhere(cluster().database, [socket, stream], replies);
  }

  it('leave a reply that waits for them to whoever stops it', async () => {
    const waiting = await ask('Nobody works yet.');
    expect(await socket.stop(waiting)).to.equal('cancelled');
    await expectEnded([waiting]);
    expect(copyOf(waiting)?.message).to.deep.include({
      status: 'cancelled',
      content: '',
      attempt: 0,
      credits: 0,
    });

    await cluster().addWorker({ ...SLOW, WORKER_CONCURRENCY: '1' });
    const busyWith = await ask(words(1_000));
    await socket.has(busyWith, SOME);
    const [stopped, next] = [await ask('It has no time.'), await ask(words(5))];
    expect(await socket.stop(stopped)).to.equal('cancelled');
    await socket.done([stopped]);
    expect(copyOf(busyWith)?.done, 'the other one goes on').to.equal(undefined);
    await socket.stop(busyWith);
    await expectEnded([busyWith, stopped, next]);
    expect(copyOf(next)?.text).to.equal(words(5));
    await expectInvariants(cluster().database);
  });

  it('hand over at once at SIGTERM what they have no time to finish', async () => {
    const leaving = cluster().worker(0);
    const text = words(900);
    const reply = await ask(text);
    await socket.has(reply, SOME);
    await cluster().addWorker(FAST);
    const [exit] = await Promise.all([
      leaving.terminate(),
      socket.has(reply, 1, { attempt: 2, timeoutMs: 3_000 }),
    ]);
    expect(exit).to.deep.include({ code: 0, signal: null });
    expect(exit.afterMs, 'a grace of 500 ms, and a little').to.be.lessThan(2_500);
    await expectEnded([reply]);
    expect(copyOf(reply)).to.deep.include({ attempts: [0, 1, 2], text });
    const again = socket.transcript.of(reply).find(({ attempt }) => attempt === 2);
    expect(again).to.deep.include({ event: 'message:update', status: 'streaming', chars: 0 });
    const found = await rows(
      cluster().database.db,
      'SELECT status, attempt, interruptions FROM generations WHERE message_id = $1',
      [reply],
    );
    expect(found, 'no death').to.deep.equal([{ status: 'completed', attempt: 2, interruptions: 0 }]);
    await expectInvariants(cluster().database);
  });

  it('finish at SIGTERM what they have time for, and take nothing new', async () => {
    await cluster().worker(1).terminate();
    const patient = await cluster().addWorker({ ...FAST, SHUTDOWN_GRACE_MS: '20000' });
    const text = words(800);
    const reply = await ask(text);
    await socket.has(reply, SOME);
    const exit = patient.terminate();
    await patient.logged(({ msg }) => msg === 'stopping');
    const later = await ask(words(20));
    expect(await exit).to.deep.include({ code: 0, signal: null });
    await socket.done([reply]);
    expect(copyOf(reply)).to.deep.include({ attempts: [0, 1], text });
    expect(copyOf(later)?.attempt, 'it waits for another worker').to.equal(0);
    await cluster().addWorker({ ...SLOW, WORKER_CONCURRENCY: '2' });
    await expectEnded([reply, later]);
    expect(copyOf(later)).to.deep.include({ attempts: [0, 1], text: words(20) });
    await expectInvariants(cluster().database);
  });

  it('are followed by others when they die or freeze; a reply that two died on ends with what there is', async () => {
    const dying = cluster().worker(3);
    const [short, long] = [words(1_000, 's'), words(10_000, 'l')];
    const [shortReply, longReply] = [await ask(short), await ask(long)];
    await Promise.all([socket.has(shortReply, SOME), socket.has(longReply, SOME)]);
    // The first has its hands full, so the next one goes to the second.
    const frozen = await cluster().addWorker({ ...SLOW, WORKER_CONCURRENCY: '1' });
    const frozenReply = await ask(words(1_000, 'f'));
    await socket.has(frozenReply, SOME);
    const second = await cluster().addWorker(FAST);

    const died = performance.now();
    frozen.signal('SIGSTOP');
    await dying.kill();
    const again = { attempt: 2, timeoutMs: TAKEN_OVER_MS };
    await Promise.all([shortReply, longReply, frozenReply].map((reply) => socket.has(reply, 1, again)));
    expect(performance.now() - died).to.be.lessThan(TAKEN_OVER_MS);
    await Promise.all([socket.done([shortReply, frozenReply]), socket.has(longReply, SOME, { attempt: 2 })]);

    const diedAgain = performance.now();
    await second.kill();
    // What it ran was taken from it; it goes on in the belief that it has it, and then takes over in its turn.
    frozen.signal('SIGCONT');
    await expectEnded([longReply]);
    expect(performance.now() - diedAgain).to.be.lessThan(TAKEN_OVER_MS);
    expect(await frozen.terminate()).to.deep.include({ code: 0 });

    await expectEnded([shortReply, longReply, frozenReply]);
    expect(copyOf(shortReply)).to.deep.include({ attempts: [0, 1, 2], text: short });
    expect(copyOf(frozenReply)).to.deep.include({ attempts: [0, 1, 2], text: words(1_000, 'f') });
    const { message, attempts, text = '' } = copyOf(longReply) ?? {};
    expect(message).to.deep.include({ status: 'failed', finishReason: 'error', attempt: 2 });
    expect(message?.error?.code).to.equal('interrupted');
    expect(attempts).to.deep.equal([0, 1, 2]);
    expect(text.length).to.be.at.least(SOME);
    expect(long.startsWith(text), 'the text that there was').to.equal(true);
    expect(message?.credits).to.be.greaterThan(0);
    await expectInvariants(cluster().database);
  });
});
