import { expect } from 'chai';
import type { Page } from '../../src/base/page.ts';
import type { Message } from '../../src/contracts/message.ts';
import type { ChatAnswer } from '../../src/contracts/routes/chat.ts';
import type { Session } from '../../src/contracts/session.ts';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type ProviderApp, startProviderApp } from '../support/provider-app.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { ReplyTexts } from '../support/reply-texts.ts';
import type { Listed, RestClient } from '../support/rest-client.ts';
import { SseReader } from '../support/sse-reader.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { words } from '../support/words.ts';
import { expectNothingWritten } from '../support/written.ts';

type Opened = Session & { messages: Message[] };

const { begin, text: say, end } = openAiWire;
const GPT = 'openai/gpt-4.1';

describe('a chat in one call', () => {
  const database = useTestDatabase();
  let world: ProviderApp;
  let app: ProviderApp['app'];
  let provider: ProviderApp['provider'];
  let user: TestUser;
  let client: RestClient;

  before(async () => {
    world = await startProviderApp(database(), {
      WELCOME_CREDITS: '100000',
    });
    ({ app, provider } = world);
  });
  after(() => world.close());
  beforeEach(async () => {
    provider.clear();
    user = await signUp(app);
    client = user.at(app);
  });

  const chat = (body: object) => client.post<ChatAnswer>('/chat', body);
  const stream = (body: object, headers: Record<string, string> = {}) =>
    SseReader.open(
      { url: app.url, token: user.token },
      { method: 'POST', path: '/chat', body: { ...body, stream: true }, headers },
    );
  const counted = async () => {
    const [found] = await rows<{ generations: number; sessions: number }>(
      database().db,
      `SELECT (SELECT count(*)::int FROM generations WHERE user_id = $1) AS generations,
              (SELECT count(*)::int FROM sessions WHERE user_id = $1) AS sessions`,
      [user.id],
    );
    return found;
  };

  describe('that is waited for', () => {
    it('opens a session, and answers with the whole reply', async () => {
      const device = new ChatClient(user);
      await device.connect(app);
      const answer = await chat({ message: 'Hello there, you two' });
      const { sessionId, message, reply, usage, cost, credits } = answer;
      expect(message).to.include({
        sessionId,
        role: 'user',
        content: 'Hello there, you two',
        parentId: null,
      });
      expect(reply).to.include({
        sessionId,
        content: 'Hello there, you two',
        status: 'completed',
        model: 'echo',
      });
      expect(reply.parentId).to.equal(message?.id);
      expect({ usage, cost, credits }).to.deep.equal({
        usage: reply.usage,
        cost: reply.cost,
        credits: reply.credits,
      });
      expect(usage).to.include({ inputTokens: 4, outputTokens: 4 });
      const opened = await client.get<Opened>(`/chat/sessions/${sessionId}`);
      expect(opened).to.include({ kind: 'chat', title: 'Hello there, you two', model: 'echo' });
      expect(opened.messages).to.deep.equal([message, reply]);
      const news = () => device.userEvents.filter(({ event }) => event === 'session:new');
      await device.until('the session', () => news().length > 0);
      expect(news().map(({ payload }) => (payload as Session).id)).to.deep.equal([sessionId]);
      device.cut();
      await expectInvariants(database());
    });

    it('goes on in a session, with its history, its model and its settings; those of the call count for it alone', async () => {
      provider.answer({ steps: [begin, say('One'), end()] });
      const settings = { systemPrompt: 'Be brief', temperature: 0.2 };
      const first = await chat({ message: 'First?', modelId: GPT, settings });
      const { sessionId } = first;
      provider.answer({ steps: [begin, say('Two'), end()] });
      const second = await chat({ message: 'Second?', sessionId, settings: { temperature: 0.9 } });
      expect(second.reply).to.include({ model: GPT, content: 'Two', sessionId });
      expect(second.message?.parentId).to.equal(first.reply.id);
      const [, asked] = provider.requests;
      expect(asked?.body).to.include({ model: 'gpt-4.1', temperature: 0.9 });
      expect(asked?.body.messages).to.deep.equal([
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: 'First?' },
        { role: 'assistant', content: 'One' },
        { role: 'user', content: 'Second?' },
      ]);
      const third = await chat({ message: 'Third?', sessionId, modelId: 'echo' });
      expect(third.reply).to.include({ model: 'echo', content: 'Third?' });
      const session = await client.get<Session>(`/chat/sessions/${sessionId}`);
      expect(session).to.deep.include({ settings, model: GPT });
    });

    it('names a session that has no title, and tells whoever is in it', async () => {
      const { id } = await client.newSession();
      const device = await ChatClient.joined(user, app, id);
      await chat({ message: 'What is it?', sessionId: id });
      const heard = () => device.transcript.heard.some(({ event }) => event === 'session:update');
      await device.until('the title', heard);
      expect(await client.get<Session>(`/sessions/${id}`)).to.include({ title: 'What is it?' });
      device.cut();
    });

    it('is answered with 502 where no model wrote anything, and with what there is where one broke off', async () => {
      provider.answer({ status: 400, steps: ['{"error":{"message":"no"}}'] });
      const failed = await client.send('POST', '/chat', { message: 'Hi', modelId: GPT });
      const problem = await expectProblem(failed, 'provider_failed');
      expect(problem.detail).to.not.equal('');
      provider.answer({ steps: [begin, say('Half a'), 'reset'] });
      const { reply, credits } = await chat({ message: 'Hi', modelId: GPT });
      expect(reply).to.include({ status: 'failed', content: 'Half a' });
      expect(reply.error?.code).to.equal('interrupted');
      expect(credits).to.be.above(0);
      await expectInvariants(database());
    });

    /** A request that waits for a reply of which there is a part. */
    async function waiting() {
      provider.answer({ steps: [begin, say('So far'), 'stall'] });
      const { id: sessionId } = await client.newSession({ model: GPT });
      const answer = client.send('POST', '/chat', { message: 'Hi', sessionId });
      const newest = async () => (await client.get<Page<Message>>(`/messages/${sessionId}`)).data[0];
      await until('the text', async () => (await newest())?.content === 'So far');
      return { answer, sessionId, messageId: (await newest())?.id };
    }

    it('is answered with what there is when it is stopped', async () => {
      const { answer, messageId } = await waiting();
      await client.post(`/messages/${messageId}/stop`);
      const { status, reply } = {
        status: (await answer).status,
        ...((await (await answer).json()) as ChatAnswer),
      };
      expect(status).to.equal(200);
      expect(reply).to.include({ status: 'cancelled', content: 'So far' });
    });

    it('is answered when the session is deleted, with a conflict or as it was stopped before', async () => {
      const { answer, sessionId } = await waiting();
      await client.delete(`/chat/sessions/${sessionId}`);
      expect((await answer).status).to.be.oneOf([409, 200]);
      if ((await answer).status === 409) await expectProblem(await answer, 'conflict');
    });

    it('is the same for one key, whoever waits when, and is not asked again', async () => {
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      provider.answer({ steps: [begin, say('Only '), released, say('once.'), end()] });
      const body = { message: 'Hi', modelId: GPT };
      const headers = { 'idempotency-key': crypto.randomUUID() };
      const asked = provider.nextRequest();
      const ask = async () => (await client.send('POST', '/chat', body, { headers })).text();
      // One that leaves before the end.
      const left = new AbortController();
      const leaving = client
        .send('POST', '/chat', body, { headers, signal: left.signal })
        .catch((error: Error) => error.name);
      await asked;
      const waiting = Promise.all([ask(), ask(), ask()]);
      left.abort();
      expect(await leaving).to.equal('AbortError');
      release();
      const answers = [...(await waiting), await ask()];
      expect([...new Set(answers)]).to.have.length(1);
      expect((JSON.parse(answers[0] ?? '') as ChatAnswer).reply.content).to.equal('Only once.');
      expect(provider.requests).to.have.length(1);
      expect(await counted()).to.deep.equal({ generations: 1, sessions: 1 });
      const other = await client.send('POST', '/chat', { ...body, message: 'Else' }, { headers });
      await expectProblem(other, 'idempotency_key_reused');
      // It may also be streamed, as it is the same request.
      const streamed = await stream(body, headers);
      await streamed.end();
      expect(streamed.of('done')).to.deep.equal([JSON.parse(answers[0] ?? '')]);
      // What was deleted since is not waited for.
      const { sessionId } = JSON.parse(answers[0] ?? '') as ChatAnswer;
      await client.delete(`/sessions/${sessionId}`);
      await expectProblem(await client.send('POST', '/chat', body, { headers }), 'conflict');
    });

    it('is safe to repeat by a clientMessageId of the session as well', async () => {
      const body = { message: 'Hi', clientMessageId: 'mine' };
      const [one, two] = await Promise.all([chat(body), chat(body)]);
      expect(one).to.deep.equal(two);
      const headers = { 'idempotency-key': 'mine too' };
      const send = async (again: object) =>
        (await client.send('POST', '/chat', again, { headers })).json() as Promise<ChatAnswer>;
      expect(await send(body)).to.deep.equal(one);
      expect(await send({ message: 'Hi' })).to.deep.equal(one);
      expect(await counted()).to.deep.equal({ generations: 1, sessions: 1 });
    });

    it('goes on without whoever leaves', async () => {
      const left = new AbortController();
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      provider.answer({ steps: [begin, released, say('All the same.'), end()] });
      const asked = provider.nextRequest();
      const leaving = client
        .send('POST', '/chat', { message: 'Hi', modelId: GPT }, { signal: left.signal })
        .catch((error: Error) => error.name);
      const { closed } = await asked;
      left.abort();
      expect(await leaving).to.equal('AbortError');
      release();
      expect(await closed).to.deep.equal({ abortedByClient: false });
      const { data } = await client.get<Listed<Session>>('/chat/sessions');
      const newest = async () => (await client.get<Page<Message>>(`/messages/${data[0]?.id}`)).data[0];
      await until('the end', async () => (await newest())?.status === 'completed');
      expect((await newest())?.content).to.equal('All the same.');
    });

    const refused: [string, object, string, string[]][] = [
      ['nothing', {}, 'validation_failed', ['body.message']],
      ['an empty message', { message: '' }, 'validation_failed', ['body.message']],
      ['a blank message', { message: '\n ' }, 'validation_failed', ['body.message']],
      ['an unknown model', { message: 'Hi', modelId: 'no/such' }, 'model_not_available', ['body.modelId']],
      [
        'settings that the model does not take',
        { message: 'Hi', modelId: 'openai/gpt-4o', settings: { maxTokens: 999_999 } },
        'validation_failed',
        ['body.settings.maxTokens'],
      ],
      ['what is no field', { message: 'Hi', model: 'echo' }, 'validation_failed', ['body.model']],
      ['stream as a text', { message: 'Hi', stream: 'yes' }, 'validation_failed', ['body.stream']],
    ];
    for (const [what, body, code, paths] of refused) {
      it(`is refused with ${what}, and nothing is written`, async () => {
        await expectNothingWritten(database(), user.id, async () => {
          await client.refused(code as never, ['POST', '/chat', body], paths);
        });
      });
    }

    it('is refused in what is no conversation of theirs, and where it is too large', async () => {
      const stranger = (await signUp(app)).at(app);
      const { id: theirs } = await stranger.newSession();
      const { session: run } = await client.post<{ session: Session }>('/playground/sessions', {
        prompt: 'Hi',
        models: ['echo'],
      });
      await until('its end', async () => {
        return (
          (await client.get<{ status: string }>(`/playground/sessions/${run.id}`)).status === 'completed'
        );
      });
      await expectNothingWritten(database(), user.id, async () => {
        await client.refused(
          'not_found',
          ['POST', '/chat', { message: 'Hi', sessionId: theirs }],
          ['body.sessionId'],
        );
        const inRun = { message: 'Hi', sessionId: run.id };
        await client.refused('validation_failed', ['POST', '/chat', inRun], ['body.sessionId']);
        const large = { message: 'x'.repeat(10 * 1024 * 1024) };
        await client.refused('payload_too_large', ['POST', '/chat', large]);
      });
    });
  });

  describe('that is streamed', () => {
    it('is the session, the text as it is written, and at its end what the other way answers', async () => {
      const text = words(80);
      const reader = await stream({ message: text });
      expect(reader.headers['content-type']).to.match(/^text\/event-stream/);
      await reader.end();
      expect(reader.names).to.deep.equal(['session', 'delta', 'done']);
      const texts = new ReplyTexts();
      for (const event of reader.events) texts.take(event);
      expect(texts.faults).to.deep.equal([]);
      const [{ sessionId, message, reply }] = reader.of('session');
      expect(reply).to.include({ status: 'queued', content: '', sessionId });
      const [done] = reader.of('done') as ChatAnswer[];
      expect(done?.reply).to.include({ id: reply.id, content: text, status: 'completed' });
      expect(done).to.deep.include({ sessionId, message, usage: done?.reply.usage });
      const opened = await client.get<Opened>(`/chat/sessions/${sessionId}`);
      expect(opened.messages).to.deep.equal([message, done?.reply]);
    });

    it('tells why it failed before its end', async () => {
      provider.answer({ status: 400, steps: ['{"error":{"message":"no"}}'] });
      const reader = await stream({ message: 'Hi', modelId: GPT });
      await reader.end();
      expect(reader.names).to.deep.equal(['session', 'error', 'done']);
      const { id } = reader.of('session')[0].reply;
      expect(reader.of('error')[0]).to.deep.include({ messageId: id });
      expect(reader.of('error')[0].error.code).to.equal('bad_request');
      expect(reader.of('done')[0].reply).to.include({ status: 'failed', content: '' });
    });

    it('goes on where it was cut, and does not post again', async () => {
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      provider.answer({ steps: [begin, say('One '), released, say('two.'), end()] });
      const body = { message: 'Hi', modelId: GPT };
      const first = await stream(body);
      await first.until('a piece', () => first.of('delta').length > 0);
      first.cut();
      const second = await stream(body, { 'last-event-id': first.lastEventId ?? '' });
      release();
      await second.end();
      expect(second.names).to.deep.equal(['delta', 'done']);
      const texts = new ReplyTexts();
      for (const event of [...first.events, ...second.events]) texts.take(event);
      expect(texts.faults).to.deep.equal([]);
      expect(second.of('done')[0].reply.content).to.equal('One two.');
      expect(second.of('done')[0].message).to.deep.equal(first.of('session')[0].message);
      const third = await stream(body, { 'last-event-id': second.lastEventId ?? '' });
      expect(third.status).to.equal(204);
      expect(await counted()).to.deep.equal({ generations: 1, sessions: 1 });
      const stranger = await signUp(app);
      const theirs = await SseReader.open(
        { url: app.url, token: stranger.token },
        {
          method: 'POST',
          path: '/chat',
          body: { ...body, stream: true },
          headers: { 'last-event-id': first.lastEventId ?? '' },
        },
      );
      expect((await theirs.problem()).code).to.equal('not_found');
    });

    it('ends for a reply that is deleted', async () => {
      provider.answer({ steps: [begin, say('So far'), 'stall'] });
      const reader = await stream({ message: 'Hi', modelId: GPT });
      await reader.until('a piece', () => reader.of('delta').length > 0);
      await client.delete(`/chat/messages/${reader.of('session')[0].reply.id}`);
      await reader.end();
      expect(reader.names.at(-1)).to.be.oneOf(['done', 'gone']);
    });

    it('is refused as any other request', async () => {
      await expectNothingWritten(database(), user.id, async () => {
        const reader = await stream({ message: 'Hi', modelId: 'no/such' });
        expect(reader.status).to.equal(422);
        expect((await reader.problem()).code).to.equal('model_not_available');
      });
    });
  });

  describe('has routes of its own for what is kept', () => {
    it('list, show, change and delete conversations, and nothing else', async () => {
      const { session: run } = await client.post<{ session: Session }>('/playground/sessions', {
        prompt: 'Hi',
        models: ['echo'],
      });
      const ids = [(await chat({ message: 'One' })).sessionId, (await chat({ message: 'Two' })).sessionId];
      const listed = await client.all<Session>('/chat/sessions?limit=1');
      expect(listed.map(({ id }) => id)).to.deep.equal(ids.toReversed());
      expect(listed).to.deep.equal((await client.get<Listed<Session>>('/sessions')).data);
      await client.refused('validation_failed', ['GET', '/chat/sessions?kind=playground'], ['query.kind']);
      const [id] = ids;
      const changed = await client.patch<Session>(`/chat/sessions/${id}`, {
        title: 'Named',
        settings: { temperature: 1 },
      });
      expect(changed).to.deep.include({ title: 'Named', settings: { temperature: 1 } });
      const { messages } = await client.get<Opened>(`/chat/sessions/${id}`);
      await client.delete(`/chat/messages/${messages[1]?.id}`);
      expect((await client.get<Opened>(`/chat/sessions/${id}`)).messages).to.deep.equal([messages[0]]);
      for (const [method, body] of [['GET'], ['PATCH', { title: 'No' }], ['DELETE']] as const) {
        await client.refused('not_found', [method, `/chat/sessions/${run.id}`, body]);
      }
      const { data } = await client.get<Page<Message>>(`/messages/${run.id}`);
      await client.refused('not_found', ['DELETE', `/chat/messages/${data[0]?.id}`]);
      await client.delete(`/chat/sessions/${id}`);
      await client.refused('not_found', ['GET', `/chat/sessions/${id}`]);
      await client.delete(`/playground/sessions/${run.id}`);
    });

    it('count what was used', async () => {
      await chat({ message: 'One two three' });
      const stats = await client.get<{ models: { model: string }[] }>('/chat/stats');
      expect(stats).to.deep.include({ sessions: 1, messages: 2, completed: 1, credits: 0.06 });
      expect(stats.models.map(({ model }) => model)).to.deep.equal(['echo']);
    });
  });
});
