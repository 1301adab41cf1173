import { expect } from 'chai';
import type { BalanceEvent } from '../../src/contracts/events.ts';
import type { Balance } from '../../src/contracts/routes/balance.ts';
import { ProviderError } from '../../src/providers/provider.ts';
import { ChatClient } from '../support/chat-client.ts';
import { type CreditDoors, startCreditDoors } from '../support/credit-doors.ts';
import { useTestDatabase } from '../support/database.ts';
import {
  createPipeline,
  createScriptedProvider,
  type Pipeline,
  type ScriptedStream,
} from '../support/pipeline.ts';
import type { RestClient } from '../support/rest-client.ts';
import { until } from '../support/until.ts';

describe('what a device is told of its credits', () => {
  const database = useTestDatabase();
  const model = createScriptedProvider('echo');
  let world: CreditDoors;
  let pipeline: Pipeline;
  let ann: RestClient;
  let device: ChatClient;
  let sessionId: string;

  before(async () => {
    world = await startCreditDoors(database(), { WELCOME_CREDITS: '1000.5', HOLD_OUTPUT_TOKENS: '10' });
    const price = { creditsPer100Tokens: 0.5 };
    await world.admin.patch('/admin/models/echo', { price });
    // The worker of the web process: it shares its feed.
    pipeline = createPipeline(database(), undefined, world.app.feed);
  });
  after(async () => {
    await pipeline.close();
    await world.close();
  });
  beforeEach(async () => {
    const { user, client } = await world.signUp();
    ann = client;
    sessionId = (await ann.newSession({ model: 'echo' })).id;
    device = await ChatClient.joined(user, world.app, sessionId);
  });
  afterEach(() => device.cut());

  const told = (): BalanceEvent[] =>
    device.userEvents.flatMap(({ event, payload }) => (event === 'balance:update' ? [payload] : []));
  const toldOf = (count: number) => device.until(`${count} balance:update`, () => told().length >= count);
  const balance = () => ann.get<Balance>('/v1/balance');

  /** Asks over HTTP, and has a worker begin. */
  async function begin(content = 'Why?') {
    const { replies } = await ann.say(sessionId, content);
    const messageId = replies[0]?.id ?? '';
    const { id: generationId } = await pipeline.stored(messageId);
    return { messageId, generationId };
  }

  /** Has a worker write it. */
  async function write(generationId: string): Promise<{ run: Promise<unknown>; stream: ScriptedStream }> {
    const index = model.streams.length;
    const run = pipeline.worker({ serves: [model] }).run(generationId);
    const stream = await model.begun(index);
    stream.push({ type: 'start' });
    return { run, stream };
  }

  const finish = (stream: ScriptedStream, outputTokens: number) =>
    stream.push(
      { type: 'usage', usage: { inputTokens: 100, cachedInputTokens: 0, outputTokens, reasoningTokens: 0 } },
      { type: 'finish', reason: 'stop' },
    );

  /** What holds of everything that was told: it adds up, and its end is what there is. */
  async function expectConsistent(): Promise<void> {
    const events = told();
    for (const { balance, held, available } of events) {
      expect(held).to.be.at.least(0);
      expect(available).to.equal(Number((balance - held).toFixed(6)));
    }
    expect(events.at(-1)).to.deep.equal(await balance());
  }

  it('is what is held while a reply is written, and what it cost when it is there', async () => {
    expect(await balance()).to.deep.equal({ balance: 1000.5, held: 0, available: 1000.5 });
    const { messageId, generationId } = await begin();
    await toldOf(1);
    const waiting = await balance();
    expect(waiting.balance).to.equal(1000.5);
    expect(waiting.held).to.be.within(0.05, 0.1);
    expect(told()).to.deep.equal([waiting]);

    const { run, stream } = await write(generationId);
    stream.push({ type: 'text', text: 'Because.' });
    await device.until('the text', () => device.transcript.copies.get(messageId)?.text === 'Because.');
    const running = await balance();
    expect(running).to.include({ balance: 1000.5, available: Number((1000.5 - running.held).toFixed(6)) });
    expect(running.held).to.be.at.least(waiting.held);

    finish(stream, 23);
    await run;
    await device.until('the end', () => told().at(-1)?.held === 0);
    const cost = (123 * 0.5) / 100;
    const after = { balance: 1000.5 - cost, held: 0, available: 1000.5 - cost };
    expect(await balance()).to.deep.equal(after);
    expect(told()[0]).to.deep.equal(waiting);
    expect(told().at(-1)).to.deep.equal(after);
    for (const each of told().slice(0, -1)) {
      expect(each.balance).to.equal(1000.5);
      expect(each.held).to.be.at.least(waiting.held);
    }
    await expectConsistent();
    expect((await world.statement(ann))[0]).to.include({
      kind: 'charge',
      amount: -cost,
      balanceAfter: after.balance,
      generationId,
      model: 'echo',
    });
  });

  it('is each growth of what is held, none of which moves the balance', async () => {
    const { messageId, generationId } = await begin();
    const { run, stream } = await write(generationId);
    let text = '';
    // It is asked for more with what is written, one growth at a time: a slow one is followed by the next with later text.
    for (let part = 0; part < 20 || (told().length < 3 && part < 500); part++) {
      const words = ` word${part}`.repeat(20);
      text += words;
      stream.push({ type: 'text', text: words });
      const sofar = text.length;
      await device.until('the part', () => device.transcript.copies.get(messageId)?.text.length === sofar);
    }
    await until('it has grown twice', async () => {
      const { held } = await balance();
      return told().length >= 3 && told().at(-1)?.held === held;
    });
    const growing = told();
    expect(growing.map((each) => each.balance)).to.deep.equal(growing.map(() => 1000.5));
    const helds = growing.map((each) => each.held);
    expect(helds).to.deep.equal([...new Set(helds)].sort((a, b) => a - b));

    finish(stream, 900);
    await run;
    await device.until('the end', () => told().at(-1)?.held === 0);
    expect(told().at(-1)).to.deep.equal({ balance: 995.5, held: 0, available: 995.5 });
    await expectConsistent();
  });

  it('is the end of a hold that nothing came of', async () => {
    const waiting = await begin();
    await ann.post(`/messages/${waiting.messageId}/stop`);
    await toldOf(2);
    expect(told().at(-1)).to.deep.equal({ balance: 1000.5, held: 0, available: 1000.5 });

    const { messageId, generationId } = await begin();
    const { run, stream } = await write(generationId);
    stream.push({ type: 'error', error: new ProviderError('bad_request', 'no') });
    await run;
    await device.until('the end', () => device.transcript.copies.get(messageId)?.done?.status === 'failed');
    await device.until('nothing held', () => told().length >= 4 && told().at(-1)?.held === 0);
    expect(told().at(-1)).to.deep.equal({ balance: 1000.5, held: 0, available: 1000.5 });
    await expectConsistent();
  });

  it('is what an admin does, also while a reply is written', async () => {
    const { generationId } = await begin();
    const { run, stream } = await write(generationId);
    stream.push({ type: 'text', text: 'So.' });
    await device.until('a text', () =>
      [...device.transcript.copies.values()].some(({ text }) => text === 'So.'),
    );
    await world.put({ userId: ann.userId, balance: 7 });
    await device.until('what was set', () => told().at(-1)?.balance === 7);
    expect(told().at(-1)).to.deep.equal(await balance());
    expect(told().at(-1)?.held).to.be.above(0);
    finish(stream, 100);
    await run;
    await device.until('the end', () => told().at(-1)?.held === 0);
    expect(told().at(-1)).to.deep.equal({ balance: 6, held: 0, available: 6 });

    await world.admin.post(`/admin/generations/${generationId}/refund`);
    await device.until('the refund', () => told().at(-1)?.balance === 7);
    await expectConsistent();
    const [refund, charge] = await world.statement(ann);
    expect([refund?.amount, charge?.amount]).to.deep.equal([1, -1]);
  });

  it('is not told to anybody else', async () => {
    const other = await world.signUp();
    const there = new ChatClient(other.user);
    await there.connect(world.app);
    await begin();
    await world.put({ userId: ann.userId, amount: 1 });
    await toldOf(2);
    // What comes in its own room comes after what could have come in another.
    await world.put({ userId: other.client.userId, amount: 1 });
    await there.until('its own', () => there.userEvents.length > 0);
    expect(there.userEvents).to.deep.equal([
      { event: 'balance:update', payload: { balance: 1001.5, held: 0, available: 1001.5 } },
    ]);
    there.cut();
  });
});
