import { expect } from 'chai';
import type { Page } from '../../src/base/page.ts';
import type { Message } from '../../src/contracts/message.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useSharedCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import type { Following } from '../support/following.ts';
import { expectInvariants, expectSameEverywhere } from '../support/invariants.ts';
import { random } from '../support/random.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { words } from '../support/words.ts';

/** Generations that run at once in the session. */
const GENERATIONS = 4;
const WORDS = 1_600;
const CLIENTS_OF_EACH_KIND = 3;

const dice = random();

describeWithRedis(`a client that is cut off again and again (TEST_SEED=${dice.seed})`, function () {
  this.timeout(60_000);
  const cluster = useSharedCluster();

  it('ends with exactly the text, over sockets and over SSE, with and without what it has', async () => {
    const { database } = cluster();
    const user = await signUp(cluster().web(0));
    const session = await user.at(cluster().web(0)).newSession();
    const kinds = [socketWithHave, socketWithout, streamByHeader, streamByQuery];
    const clients = await Promise.all(
      kinds.flatMap((kind) =>
        Array.from({ length: CLIENTS_OF_EACH_KIND }, async (_, n) => {
          const client = kind(user, session.id);
          await client.connect(cluster().web(n % 2));
          return client;
        }),
      ),
    );
    const texts = Array.from({ length: GENERATIONS }, (_, n) => words(WORDS + 50 * n, `g${n}.`));
    const ids = await Promise.all(
      texts.map(async (text, n) => {
        const { replies } = await user.at(cluster().web(n % 2)).say(session.id, text);
        return replies[0]?.id ?? '';
      }),
    );

    const cuts = await Promise.all(clients.map((client) => followWithCuts(client, ids)));

    const following = clients.map(({ following }) => following);
    await expectSameEverywhere(database, following, ids);
    for (const [n, id] of ids.entries()) {
      expect(following[0]?.transcript.text(id) === texts[n], `the text of reply ${n}`).to.equal(true);
    }
    expect(
      cuts.reduce((sum, each) => sum + each, 0),
      'cuts of all clients',
    ).to.be.greaterThan(2 * clients.length);
    await expectInvariants(database);
    for (const { following: each } of clients) each.cut();
  });

  /** Cuts the client after a random piece of text, and lets it come back on the other process. Answers how often. */
  async function followWithCuts(client: Reconnecting, ids: string[]): Promise<number> {
    const { transcript } = client.following;
    const ended = () => ids.every((id) => transcript.isDone(id));
    const received = () => ids.reduce((sum, id) => sum + (transcript.text(id)?.length ?? 0), 0);
    for (let cuts = 0; ; cuts++) {
      const next = received() + dice.between(1, 3_000);
      await client.following.until(`${next} characters`, () => ended() || received() >= next);
      if (ended()) return cuts;
      client.following.cut();
      await client.connect(cluster().web(cuts % 2));
    }
  }
});

/** A client, and how it comes back. */
interface Reconnecting {
  following: Following & { cut(): void };
  connect(process: { url: string }): Promise<void>;
}

function socketWithHave(user: TestUser, sessionId: string): Reconnecting {
  const following = new ChatClient(user);
  return {
    following,
    async connect(process) {
      await following.connect(process);
      await following.join(sessionId);
    },
  };
}

/** One that keeps nothing of what runs: it reads over HTTP what has ended while it was away. */
function socketWithout(user: TestUser, sessionId: string): Reconnecting {
  const following = new ChatClient(user);
  return {
    following,
    async connect(process) {
      following.transcript.forgetRunning();
      await following.connect(process);
      await following.join(sessionId, []);
      const { data } = await user.at(process).get<Page<Message>>(`/messages/${sessionId}?limit=100`);
      for (const message of data) following.transcript.read(message);
    },
  };
}

function streamByHeader(user: TestUser, sessionId: string): Reconnecting {
  const following = new EventStreamClient(user);
  return { following, connect: (process) => following.open(process, sessionId) };
}

function streamByQuery(user: TestUser, sessionId: string): Reconnecting {
  const following = new EventStreamClient(user);
  return { following, connect: (process) => following.open(process, sessionId, { resume: 'query' }) };
}
