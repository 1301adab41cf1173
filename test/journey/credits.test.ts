import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { Problem } from '../../src/contracts/errors.ts';
import type { Message } from '../../src/contracts/message.ts';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import { rows } from '../../src/data/database.ts';
import { postEntry } from '../../src/data/repositories/ledger.ts';
import { countTokens } from '../../src/services/count-tokens.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useCluster } from '../support/cluster.ts';
import { defer } from '../support/deferred.ts';
import { expectInvariants, expectSameEverywhere } from '../support/invariants.ts';
import type { Step } from '../support/provider-wire-server.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { words } from '../support/words.ts';

/** Twenty credits for a hundred tokens. */
const GPT_4 = 'openai/gpt-4';
/** Two tokens. With a hundred more 20.4 credits are held for it by GPT-4, and 1.02 by echo. */
const QUESTION = 'Why?';
const AT_ONCE = 50;
const WELCOME = 100;
/** What the specification promises. */
const TAKEN_OVER_MS = 15_000;

describeWithRedis('credits, over two web processes', function () {
  this.timeout(30_000);
  const cluster = useCluster({
    webs: 2,
    workers: 0,
    env: { WELCOME_CREDITS: String(WELCOME), LLM_FALLBACK_PROVIDERS: '', CREDIT_OVERDRAFT: 'unlimited' },
  });
  const { begin, text, end, errorBody } = openAiWire;

  /** A user who follows a session of their own on the other web process. */
  interface Asker {
    user: TestUser;
    sessionId: string;
    client: ChatClient;
  }

  async function asker(model = GPT_4): Promise<Asker> {
    const user = await signUp(cluster().web(0));
    const { id: sessionId } = await user.at(cluster().web(0)).newSession({ model });
    return { user, sessionId, client: await ChatClient.joined(user, cluster().web(1), sessionId) };
  }

  async function ask({ user, sessionId }: Asker, content = QUESTION): Promise<string> {
    return (await user.at(cluster().web(0)).say(sessionId, content)).replies[0]?.id ?? '';
  }

  /** Asks GPT-4, which writes as it is told. */
  async function askProvider(ann: Asker, ...steps: Step[]): Promise<string> {
    cluster().provider.answer({ steps });
    return ask(ann);
  }

  /** The charges of a user, oldest first. */
  async function chargesOf({ user }: Asker): Promise<number[]> {
    const charges = await rows<{ amount: number }>(
      cluster().database.db,
      `SELECT amount::float8 FROM ledger_entries WHERE user_id = $1 AND kind = 'charge' ORDER BY id`,
      [user.id],
    );
    return charges.map(({ amount }) => -amount);
  }

  /** What GPT-4 costs for a question that was answered with that much, counted by ourselves. */
  const priceOf = async (written: string) => ((2 + (await countTokens(written))) * 20) / 100;

  /** That these charges were made and nothing is held any more, in the database and for every device. */
  async function expectCharged(ann: Asker, ...charges: number[]): Promise<void> {
    expect(await chargesOf(ann)).to.deep.equal(charges);
    const left = Number((WELCOME - charges.reduce((sum, charge) => sum + charge, 0)).toFixed(6));
    const balance = { balance: left, held: 0, available: left };
    for (const index of [0, 1]) {
      expect(await ann.user.at(cluster().web(index)).get('/v1/balance')).to.deep.equal(balance);
    }
    const told = () => ann.client.userEvents.findLast(({ event }) => event === 'balance:update')?.payload;
    await ann.client.until('the balance', () => (told() as { held?: number } | undefined)?.held === 0);
    expect(told()).to.deep.equal(balance);
    await expectStopped(ann);
  }

  async function expectStopped({ user, client }: Asker): Promise<void> {
    const [account] = await rows(
      cluster().database.db,
      'SELECT held::float8, held_tokens::int AS tokens, running FROM accounts WHERE user_id = $1',
      [user.id],
    );
    expect(account).to.deep.equal({ held: 0, tokens: 0, running: 0 });
    client.cut();
  }

  const messageOf = ({ client }: Asker, reply: string) =>
    client.transcript.copies.get(reply)?.message as Message;

  let mourner: Asker;
  let mourned: string;

  before(async function () {
    this.timeout(60_000);
    // A worker dies over a reply here, and another has to notice: the tests in between need not wait for it.
    const dying = await cluster().addWorker({ ECHO_TOKENS_PER_SECOND: '50' });
    mourner = await asker('echo');
    mourned = await ask(mourner, words(200));
    await mourner.client.has(mourned, 100);
    await Promise.all([dying.kill(), cluster().addWorker()]);
  });

  it('of one request are for exactly one of fifty', async () => {
    const ann = await asker('echo');
    const all = {
      id: newId(),
      userId: ann.user.id,
      kind: 'adjustment',
      amount: String(1.02 - WELCOME),
    } as const;
    await cluster().database.transaction((db) => postEntry(db, all));
    const body = { sessionId: ann.sessionId, content: QUESTION };
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, n) =>
        ann.user.at(cluster().web(n % 2)).send('POST', '/messages', body),
      ),
    );
    const admitted = answers.filter(({ status }) => status === 201);
    expect(admitted).to.have.length(1);
    for (const answer of answers.filter((each) => !admitted.includes(each))) {
      const { status, code, detail } = (await answer.json()) as Problem;
      expect({ status, code }).to.deep.equal({ status: 402, code: 'insufficient_credits' });
      expect(detail).to.match(/^This needs about 1\.0[24] credits, and (0|1) are available\.$/);
    }
    const [stored] = await Promise.all(admitted.map((each) => each.json() as Promise<SendMessageAnswer>));
    const reply = stored?.replies[0]?.id ?? '';
    await ann.client.done([reply]);
    // A word of a question and a word of an answer.
    expect(messageOf(ann, reply)).to.deep.include({ status: 'completed', content: QUESTION, credits: 0.02 });
    const entries = await rows(
      cluster().database.db,
      `SELECT kind, amount::float8 FROM ledger_entries WHERE user_id = $1 ORDER BY id`,
      [ann.user.id],
    );
    expect(entries).to.deep.equal([
      { kind: 'grant', amount: WELCOME },
      { kind: 'adjustment', amount: 1.02 - WELCOME },
      { kind: 'charge', amount: -0.02 },
    ]);
    expect(await ann.user.at(cluster().web(1)).get('/v1/balance')).to.deep.include({ balance: 1, held: 0 });
    expect(ann.client.transcript.copies.size, 'the messages of one request').to.equal(2);
    await expectStopped(ann);
  });

  it('are charged for a reply that was stopped, for what was written', async () => {
    const ann = await asker();
    const reply = await askProvider(ann, begin, text('Because of '), text('the air'), 'stall');
    await ann.client.has(reply, 'Because of the air'.length);
    const { held } = await ann.user.at(cluster().web(1)).get<{ held: number }>('/v1/balance');
    expect(held).to.be.at.least(20.4);
    await Promise.all(
      [0, 1].map((index) => ann.user.at(cluster().web(index)).post(`/messages/${reply}/stop`)),
    );
    await ann.client.done([reply]);
    const credits = await priceOf('Because of the air');
    expect(messageOf(ann, reply)).to.deep.include({ status: 'cancelled', credits });
    await expectSameEverywhere(cluster().database, [ann.client], [reply]);
    await expectCharged(ann, credits);
  });

  it('are not charged for a reply of which its provider wrote nothing', async () => {
    const ann = await asker();
    cluster().provider.answer({ status: 400, steps: [errorBody('invalid', 'no')] });
    const reply = await ask(ann);
    await ann.client.done([reply]);
    expect(messageOf(ann, reply)).to.deep.include({ status: 'failed', content: '', credits: 0, usage: null });
    await expectCharged(ann);
  });

  it('are charged for what was written before its provider broke off', async () => {
    const ann = await asker();
    const read = defer();
    const reply = await askProvider(ann, begin, text('Because '), text('it'), read.promise, 'reset');
    await ann.client.has(reply, 'Because it'.length);
    read.resolve();
    await ann.client.done([reply]);
    const credits = await priceOf('Because it');
    expect(messageOf(ann, reply)).to.deep.include({ status: 'failed', content: 'Because it', credits });
    expect(messageOf(ann, reply).error?.code).to.equal('interrupted');
    await expectCharged(ann, credits);
  });

  it('are charged for each reply that is written again, the old one too', async () => {
    const ann = await asker();
    const old = await askProvider(ann, begin, text('Because.'), end());
    await ann.client.done([old]);
    const other = ann.user.at(cluster().web(1));
    const { replies } = await other.post<SendMessageAnswer>(`/messages/${old}/regenerate`, { model: 'echo' });
    const again = replies[0]?.id ?? '';
    await ann.client.done([again]);
    // What the provider says, 7 in and 3 out; and one in and one out of echo.
    expect(messageOf(ann, old)).to.deep.include({ status: 'completed', credits: 2 });
    expect(messageOf(ann, again)).to.deep.include({ status: 'completed', credits: 0.02 });
    await expectCharged(ann, 2, 0.02);
  });

  it('are charged once for a reply over which a worker died', async () => {
    await mourner.client.done([mourned], TAKEN_OVER_MS);
    // 200 words in and out; what the dead one wrote is not paid for.
    expect(messageOf(mourner, mourned)).to.deep.include({
      status: 'completed',
      attempt: 2,
      content: words(200),
      credits: 4,
    });
    await expectCharged(mourner, 4);
    await expectInvariants(cluster().database);
  });

  it('are charged for what was written in a session that was deleted meanwhile', async () => {
    const ann = await asker();
    const asked = cluster().provider.nextRequest();
    const reply = await askProvider(ann, begin, text('Because of '), 'stall');
    await ann.client.has(reply, 'Because of '.length);
    await ann.user.at(cluster().web(1)).delete(`/sessions/${ann.sessionId}`);
    expect(await (await asked).closed, 'the provider is let go').to.deep.equal({ abortedByClient: true });
    await until('the charge', async () => (await chargesOf(ann)).length > 0);
    await expectCharged(ann, await priceOf('Because of '));
  });
});
