import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { sessionRoom } from '../../src/contracts/events.ts';
import type { Message } from '../../src/contracts/message.ts';
import type { Session } from '../../src/contracts/session.ts';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import { type RestApp, startRestApp } from '../support/rest-app.ts';
import type { Listed, RestClient } from '../support/rest-client.ts';
import { seedMessages, seedOutcome } from '../support/seed-messages.ts';

describe('the messages of a session', () => {
  const database = useTestDatabase();
  let app: RestApp;
  let ann: RestClient;
  let bob: RestClient;
  let session: Session;

  before(async () => {
    app = await startRestApp(database());
  });
  beforeEach(async () => {
    [ann, bob] = [await app.signUp(), await app.signUp()];
    session = await ann.newSession();
    app.events.length = 0;
  });
  after(() => app.close());

  const seed = (count: number) =>
    seedMessages(database().db, { userId: ann.userId, sessionId: session.id, count });

  it('are listed newest first, with their replies', async () => {
    const { message, replies } = await ann.say(session.id, 'hello');
    const { data, nextCursor } = await ann.get<Listed<Message>>(`/messages/${session.id}`);
    expect(data).to.deep.equal([...replies, message]);
    expect(nextCursor).to.equal(null);
  });

  it('of an empty session are none', async () => {
    expect(await ann.get(`/messages/${session.id}`)).to.deep.equal({ data: [], nextCursor: null });
  });

  it('are paged without loss or repetition, while others are written', async () => {
    const ids = await seed(11);
    const listed = await ann.all<Message>(`/messages/${session.id}?limit=3`, async () => {
      await ann.say(session.id, 'in between');
    });
    expect(listed.map((message) => message.id)).to.deep.equal(ids.reverse());
  });

  it('are fewer in a page, an opening and a read of an export the longer they are, and one at least', async () => {
    const [userId, sessionId] = [ann.userId, session.id];
    const long = (count: number, bytes: number) =>
      seedMessages(database().db, { userId, sessionId, count, content: 'é'.repeat(bytes / 2) });
    const ids = [...(await long(5, 300_000)), ...(await long(1, 1_200_000)), ...(await long(3, 300_000))];
    const newest = ids.toReversed();
    const path = `/messages/${session.id}?limit=100`;
    const first = await ann.get<Listed<Message>>(path);
    expect(first.data.map(({ id }) => id)).to.deep.equal(newest.slice(0, 3));
    const second = await ann.get<Listed<Message>>(`${path}&cursor=${first.nextCursor}`);
    expect(second.data.map(({ id }) => id)).to.deep.equal(newest.slice(3, 4));
    expect((await ann.all<Message>(path)).map(({ id }) => id)).to.deep.equal(newest);

    const opened = await ann.get<Session & { messages: Message[] }>(`/sessions/${session.id}`);
    expect(opened.messages.map(({ id }) => id)).to.deep.equal(ids.slice(-3));
    const exported = await ann.get<{ messages: Message[] }>(`/sessions/${session.id}/export.json`);
    expect(exported.messages.map(({ id }) => id)).to.deep.equal(ids);
  });

  it('go on from any message that the client has', async () => {
    const ids = await seed(5);
    const before = await ann.get<Listed<Message>>(`/messages/${session.id}?cursor=${ids[2]}`);
    expect(before.data.map((message) => message.id)).to.deep.equal([ids[1], ids[0]]);
    await ann.delete(`/messages/${ids[2]}`);
    expect(await ann.get(`/messages/${session.id}?cursor=${ids[2]}`)).to.deep.equal(before);
  });

  it('end empty, not missing, after the oldest', async () => {
    const [oldest] = await seed(1);
    expect(await ann.get(`/messages/${session.id}?cursor=${oldest}`)).to.deep.equal({
      data: [],
      nextCursor: null,
    });
  });

  it('show of a running reply the text so far, and of an ended one its text', async () => {
    const { replies } = await ann.say(session.id, 'hello');
    const messageId = replies[0]?.id ?? '';
    const read = async () => (await ann.get<Listed<Message>>(`/messages/${session.id}?limit=1`)).data[0];
    expect(await read()).to.include({ id: messageId, status: 'queued', content: '' });

    await seedOutcome(database().db, messageId, { status: 'streaming' });
    const live = app.feed.live.open({ sessionId: session.id, messageId, attempt: 1 });
    await live.append({ offset: 0, text: 'Once upon', whole: () => 'Once upon' });
    expect(await read()).to.include({ id: messageId, status: 'streaming', content: 'Once upon', attempt: 1 });
    const opened = await ann.get<{ messages: Message[] }>(`/sessions/${session.id}`);
    expect(opened.messages.at(-1)?.content).to.equal('Once upon');

    await seedOutcome(database().db, messageId, { status: 'completed', content: 'Once upon a time.' });
    expect(await read()).to.include({ status: 'completed', content: 'Once upon a time.' });
  });

  it('are refused with a bad page', async () => {
    for (const limit of ['0', '101', '-1', 'x', '']) {
      const path = `/messages/${session.id}?limit=${limit}`;
      await ann.refused('validation_failed', ['GET', path], ['query.limit']);
    }
    for (const cursor of ['', 'x', '7', `${newId()}0`, "';--", 'x'.repeat(201)]) {
      const path = `/messages/${session.id}?cursor=${cursor}`;
      await ann.refused('validation_failed', ['GET', path], ['query.cursor']);
    }
    await ann.refused('validation_failed', ['GET', `/messages/${session.id}?before=x`], ['query.before']);
  });

  describe('when one is deleted', () => {
    it('are one less, and the room is told', async () => {
      const [first, second] = await seed(2);
      const counted = async () =>
        (await ann.get<{ totals: { messages: number } }>(`/sessions/${session.id}`)).totals.messages;
      const before = await counted();
      expect((await ann.send('DELETE', `/messages/${first}`)).status).to.equal(204);
      const { data } = await ann.get<Listed<Message>>(`/messages/${session.id}`);
      expect(data.map((message) => message.id)).to.deep.equal([second]);
      expect(app.events).to.deep.equal([
        {
          room: sessionRoom(session.id),
          event: 'message:delete',
          payload: { sessionId: session.id, messageId: first },
        },
      ]);
      await ann.refused('not_found', ['DELETE', `/messages/${first}`]);
      expect(await counted()).to.equal(before - 1);
    });

    it('stop it if it is being written; its generation stays for the books', async () => {
      const { replies } = await ann.say(session.id, 'hello');
      const messageId = replies[0]?.id ?? '';
      app.events.length = 0;
      await ann.delete(`/messages/${messageId}`);
      const kept = await rows(database().db, 'SELECT status FROM generations WHERE message_id = $1', [
        messageId,
      ]);
      expect(kept).to.deep.equal([{ status: 'cancelled' }]);
      expect(app.events.map(({ event }) => event)).to.deep.equal([
        'message:update',
        'message:done',
        'balance:update',
        'message:delete',
      ]);
    });

    it('leave what answers it', async () => {
      const { message, replies } = await ann.say(session.id, 'hello');
      await ann.delete(`/messages/${message.id}`);
      const { data } = await ann.get<Listed<Message>>(`/messages/${session.id}`);
      expect(data.map(({ id, parentId }) => ({ id, parentId }))).to.deep.equal([
        { id: replies[0]?.id, parentId: message.id },
      ]);
    });
  });

  it('of somebody else are not found, like those that are not there', async () => {
    const { message, replies } = await ann.say(session.id, 'private');
    const reply = replies[0]?.id ?? '';
    app.events.length = 0;
    for (const id of [message.id, reply, newId()]) {
      const problems = [
        await bob.refused('not_found', ['DELETE', `/messages/${id}`]),
        await bob.refused('not_found', ['POST', `/messages/${id}/stop`]),
        await bob.refused('not_found', ['POST', `/messages/${id}/regenerate`]),
      ];
      expect(new Set(problems.map(({ detail }) => detail))).to.deep.equal(
        new Set(['There is no such message.']),
      );
    }
    for (const id of [session.id, newId()]) {
      for (const query of ['', `?cursor=${reply}`, `?cursor=${message.id}`]) {
        const missing = await bob.refused('not_found', ['GET', `/messages/${id}${query}`]);
        expect(missing.detail).to.equal('There is no such session.');
      }
    }
    expect(app.events).to.deep.equal([]);
    expect((await ann.get<Listed<Message>>(`/messages/${session.id}`)).data).to.have.length(2);
  });

  it('are not reached through a session of the own', async () => {
    await seed(3);
    const own = await bob.newSession();
    const foreign = (await ann.get<Listed<Message>>(`/messages/${session.id}`)).data[0]?.id;
    expect(await bob.get(`/messages/${own.id}?cursor=${foreign}`)).to.deep.equal({
      data: [],
      nextCursor: null,
    });
  });

  describe('as requests', () => {
    it('are repeated safely with an Idempotency-Key', async () => {
      const send = async (content: string) =>
        ann.send(
          'POST',
          '/messages',
          { sessionId: session.id, content },
          { headers: { 'idempotency-key': 'k' } },
        );
      const first = await (await send('hello')).json();
      expect(await (await send('hello')).json()).to.deep.equal(first);
      expect((await send('other')).status).to.equal(422);
      expect((await ann.get<Listed<Message>>(`/messages/${session.id}`)).data).to.have.length(2);
    });

    it('are refused with a bad Idempotency-Key, before anything is written', async () => {
      const { replies } = await ann.say(session.id, 'hello');
      for (const key of ['', 'x'.repeat(201)]) {
        for (const [path, body] of [
          ['/messages', { sessionId: session.id, content: 'again' }],
          [`/messages/${replies[0]?.id}/regenerate`, {}],
        ] as const) {
          const answer = await ann.send('POST', path, body, { headers: { 'idempotency-key': key } });
          expect(answer.status).to.equal(400);
          const { errors } = (await answer.json()) as { errors: { path: string }[] };
          expect(errors.map((error) => error.path)).to.deep.equal(['headers.idempotency-key']);
        }
      }
      expect((await ann.get<Listed<Message>>(`/messages/${session.id}`)).data).to.have.length(2);
    });

    it('stop and regenerate', async () => {
      const { message, replies } = await ann.say(session.id, 'hello');
      const reply = replies[0]?.id ?? '';
      expect(await ann.post(`/messages/${reply}/stop`)).to.deep.equal({
        messageId: reply,
        status: 'cancelled',
      });
      const again = await ann.post<{ message: Message; replies: Message[] }>(
        `/messages/${reply}/regenerate`,
        {
          model: 'gpt-4',
        },
      );
      expect(again.message.id).to.equal(message.id);
      expect(again.replies).to.have.length(1);
      expect(again.replies[0]).to.include({ parentId: message.id, model: 'openai/gpt-4', status: 'queued' });
      await ann.refused(
        'validation_failed',
        ['POST', `/messages/${reply}/regenerate`, { models: [] }],
        ['body.models'],
      );
    });
  });
});
