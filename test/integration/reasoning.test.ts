import { expect } from 'chai';
import type { Have, RoomEvents } from '../../src/contracts/events.ts';
import type { Message } from '../../src/contracts/message.ts';
import { ProviderError } from '../../src/providers/provider.ts';
import { countTokens } from '../../src/services/count-tokens.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import type { Following } from '../support/following.ts';
import { expectSameEverywhere } from '../support/invariants.ts';
import { createPipeline, type Pipeline, SCRIPTED, type ScriptedStream } from '../support/pipeline.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

const REASONING = ['They ask why 🤔 the sky', ' is blue. ', 'Scattering: it goes with ', 'the fourth power.'];
const TEXT = ['Because the air ', 'scatters blue 🟦 light ', 'most of all.'];

describe('a model that reasons', () => {
  const database = useTestDatabase();
  let app: WebApp;
  let pipeline: Pipeline;
  let user: TestUser;
  let sessionId: string;
  let devices: (ChatClient | EventStreamClient)[];

  before(async () => {
    app = await startWebApp(database());
    // The worker of the web processes: it shares their feed.
    pipeline = createPipeline(database(), undefined, app.feed);
  });
  after(async () => {
    await pipeline.close();
    await app.close();
  });
  beforeEach(async () => {
    user = await signUp(app);
    sessionId = (await user.at(app).newSession()).id;
    devices = [];
  });
  afterEach(() => {
    for (const device of devices) device.cut();
  });

  const joined = async (have?: Have[]): Promise<ChatClient> => {
    const client = new ChatClient(user);
    devices.push(client);
    await client.connect(app);
    await client.join(sessionId, have);
    return client;
  };
  const listening = async (): Promise<EventStreamClient> => {
    const client = new EventStreamClient(user);
    devices.push(client);
    await client.open(app, sessionId);
    return client;
  };

  /** Asks, and has the model begin. */
  async function begin(content = 'Why is the sky blue?') {
    const asked = await pipeline.ask({ userId: user.id, sessionId }, content);
    const index = pipeline.provider.streams.length;
    const run = pipeline.worker().run(asked.generationId);
    const model = await pipeline.provider.begun(index);
    model.push({ type: 'start' });
    return { ...asked, run, model };
  }

  const think = (model: ScriptedStream, ...texts: string[]) =>
    model.push(...texts.map((text) => ({ type: 'reasoning' as const, text })));
  const write = (model: ScriptedStream, ...texts: string[]) =>
    model.push(...texts.map((text) => ({ type: 'text' as const, text })));
  const finish = (model: ScriptedStream) => model.push({ type: 'finish', reason: 'stop' });

  const has = (device: Following, id: string, { reasoning = '', text = '' }) =>
    device.until(`"${reasoning}" and "${text}"`, () => {
      const copy = device.transcript.copies.get(id);
      return copy?.reasoning === reasoning && copy.text === text;
    });

  it('is followed in both channels by who was there, who came late, and who was away', async () => {
    const [there, cutSocket, cutStream] = [await joined(), await joined(), await listening()];
    const { messageId, run, model } = await begin();
    const late: Following[] = [];
    let [reasoning, text] = ['', ''];

    for (const part of REASONING) {
      think(model, part);
      reasoning += part;
      await has(there, messageId, { reasoning });
      if (part === REASONING[1]) {
        await Promise.all([cutSocket, cutStream].map((device) => has(device, messageId, { reasoning })));
        expect(cutStream.lastEventId).to.equal(`${messageId}:1:0:r${reasoning.length}`);
        for (const device of [cutSocket, cutStream]) device.cut();
        late.push(await joined(), await listening());
      }
    }
    for (const part of TEXT) {
      write(model, part);
      text += part;
      await has(there, messageId, { reasoning, text });
      if (part === TEXT[0]) {
        await Promise.all([
          cutSocket.connect(app).then(() => cutSocket.join(sessionId)),
          cutStream.open(app, sessionId),
        ]);
        late.push(await joined());
        // Cut off once more, now in the text: the other wire's way to resume.
        await has(cutStream, messageId, { reasoning, text });
        cutStream.cut();
      }
    }
    await cutStream.open(app, sessionId, { resume: 'query' });
    finish(model);
    await run;
    await Promise.all(devices.map((device) => device.done([messageId])));
    await expectSameEverywhere(database(), devices, [messageId]);
    for (const { transcript } of [there, cutSocket, cutStream, ...late]) {
      expect(transcript.text(messageId)).to.equal(TEXT.join(''));
      expect(transcript.reasoning(messageId)).to.equal(REASONING.join(''));
    }
    expect(cutStream.lastEventId).to.equal(`${messageId}:1:${text.length}:r${reasoning.length}:done`);

    // Who came back was sent what it lacked, in one delta a channel, and not the whole message again.
    const [first, ...rest] = cutSocket.transcript
      .of(messageId)
      .filter(({ event }) => event !== 'message:new');
    expect(first?.event).to.equal('message:stream');
    expect(rest.filter(({ event }) => event === 'message:update')).to.have.length(1);

    const message = await user.at(app).get<Message[] | { data: Message[] }>(`/messages/${sessionId}`);
    const list = Array.isArray(message) ? message : message.data;
    const reply = list.find(({ id }) => id === messageId);
    expect(reply).to.include({ content: text, reasoning, status: 'completed' });
  });

  it('sends one delta of either channel to who has a part of both', async () => {
    const { messageId, run, model } = await begin();
    const watcher = await joined();
    think(model, 'one, two, three');
    write(model, 'four, five');
    await has(watcher, messageId, { reasoning: 'one, two, three', text: 'four, five' });

    const [back, older] = [new ChatClient(user), new ChatClient(user)];
    devices.push(back, older);
    const heard = async (client: ChatClient, have: Have) => {
      await client.connect(app);
      // It knows the message, as a client does that was cut off.
      const copy = watcher.transcript.copies.get(messageId);
      if (!copy) throw new Error('the watcher has no reply');
      const text = copy.text.slice(0, have.offset);
      const reasoning = copy.reasoning.slice(0, have.reasoning ?? 0);
      client.transcript.copies.set(messageId, { ...copy, text, reasoning });
      const live = await client.join(sessionId, [have]);
      const reached = { messageId, attempt: 1, offset: 10, reasoning: 15 };
      expect(live).to.deep.equal([reached]);
      return client.transcript.of(messageId);
    };
    const event = 'message:stream' as const;
    expect(await heard(back, { messageId, attempt: 1, offset: 4, reasoning: 5 })).to.deep.equal([
      { event, messageId, attempt: 1, chars: 10, channel: 'reasoning' },
      { event, messageId, attempt: 1, chars: 6 },
    ]);
    // A client that does not know of reasoning has none of it.
    expect(await heard(older, { messageId, attempt: 1, offset: 10 })).to.deep.equal([
      { event, messageId, attempt: 1, chars: 15, channel: 'reasoning' },
    ]);
    expect(await heard(older, { messageId, attempt: 1, offset: 10, reasoning: 15 })).to.have.length(1);
    finish(model);
    await run;
    await Promise.all([watcher, back, older].map((device) => device.done([messageId])));
    await expectSameEverywhere(database(), [watcher, back, older], [messageId]);
  });

  it('changes nothing of a reply without reasoning: no channel, no field in a position, ids as they were', async () => {
    const stream = await listening();
    const { messageId, run, model } = await begin();
    write(model, 'Hello');
    await has(stream, messageId, { text: 'Hello' });
    expect(stream.lastEventId).to.equal(`${messageId}:1:5`);
    const client = new ChatClient(user);
    devices.push(client);
    await client.connect(app);
    expect(await client.join(sessionId)).to.deep.equal([{ messageId, attempt: 1, offset: 5 }]);
    finish(model);
    await run;
    await stream.done([messageId]);
    expect(stream.lastEventId).to.equal(`${messageId}:1:5:done`);
    const deltas = pipeline
      .published({ userId: user.id, sessionId }, 'message:stream')
      .map(({ payload }) => payload as RoomEvents['message:stream']);
    expect(deltas).to.deep.equal([{ sessionId, messageId, attempt: 1, offset: 0, delta: 'Hello' }]);
    for (const delta of deltas) expect(delta).not.to.have.property('channel');
    expect(stream.transcript.copies.get(messageId)?.message.reasoning).to.equal(null);
  });

  it('has produced something when it only reasoned and broke off: that stays, and is paid for', async () => {
    const stream = await listening();
    const { messageId, generationId, run, model } = await begin('Why?');
    think(model, 'They ask', ' why.');
    model.push({ type: 'error', error: new ProviderError('network', 'cut') });
    await run;
    await stream.done([messageId]);
    const copy = stream.transcript.copies.get(messageId);
    expect(copy?.message).to.deep.include({ status: 'failed', content: '', reasoning: 'They ask why.' });
    expect(copy?.message.error?.code).to.equal('interrupted');
    const [inputTokens, outputTokens] = [await countTokens('Why?'), await countTokens('They ask why.')];
    expect(copy?.message.usage).to.deep.include({
      inputTokens,
      outputTokens,
      reasoningTokens: outputTokens,
      estimated: true,
    });
    expect(await pipeline.charges({ userId: user.id, sessionId })).to.have.length(1);
    expect((await pipeline.stored(messageId)).id).to.equal(generationId);
  });

  it('is never told what it reasoned before, and neither is the reader of an export in Markdown', async () => {
    const first = await begin('Why?');
    think(first.model, 'a secret thought');
    write(first.model, 'Because.');
    finish(first.model);
    await first.run;
    const second = await begin('Really?');
    const told = JSON.stringify(second.model.request);
    expect(told).to.contain('Because.');
    expect(told).not.to.contain('secret');
    finish(second.model);
    await second.run;

    const download = async (format: string) =>
      (await user.at(app).send('GET', `/sessions/${sessionId}/export.${format}`)).text();
    expect(await download('md'))
      .to.contain('Because.')
      .and.not.to.contain('secret');
    const { messages } = JSON.parse(await download('json')) as { messages: Message[] };
    expect(messages.find(({ id }) => id === first.messageId)).to.include({
      content: 'Because.',
      reasoning: 'a secret thought',
      model: SCRIPTED,
    });
  });

  it('starts over with its reasoning when another worker begins again', async () => {
    const stream = await listening();
    const { messageId, generationId, model, run } = await begin();
    think(model, 'the first try');
    write(model, 'Half');
    await has(stream, messageId, { reasoning: 'the first try', text: 'Half' });
    const index = pipeline.provider.streams.length;
    const again = pipeline.worker().run(generationId);
    const next = await pipeline.provider.begun(index);
    next.push({ type: 'start' });
    await has(stream, messageId, {});
    const client = await joined();
    think(next, 'the second');
    write(next, 'Whole');
    await has(stream, messageId, { reasoning: 'the second', text: 'Whole' });
    expect(stream.lastEventId).to.equal(`${messageId}:2:5:r10`);
    finish(next);
    await Promise.all([run, again]);
    await Promise.all([stream, client].map((device) => device.done([messageId])));
    await expectSameEverywhere(database(), [stream, client], [messageId]);
    expect(client.transcript.reasoning(messageId)).to.equal('the second');
  });
});
