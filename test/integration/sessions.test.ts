import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { sessionRoom, userRoom } from '../../src/contracts/events.ts';
import type { Message } from '../../src/contracts/message.ts';
import type { Session } from '../../src/contracts/session.ts';
import { rows } from '../../src/data/database.ts';
import { BAD_CURSORS } from '../support/bad-cursors.ts';
import { changedAMinuteAgo } from '../support/changed-ago.ts';
import { useTestDatabase } from '../support/database.ts';
import { type RestApp, startRestApp } from '../support/rest-app.ts';
import type { Listed, RestClient } from '../support/rest-client.ts';
import { seedMessages } from '../support/seed-messages.ts';

type OpenSession = Session & { messages: Message[] };

describe('sessions', () => {
  const database = useTestDatabase();
  let app: RestApp;
  let ann: RestClient;
  let bob: RestClient;

  before(async () => {
    app = await startRestApp(database());
  });
  beforeEach(async () => {
    [ann, bob] = [await app.signUp(), await app.signUp()];
    app.events.length = 0;
  });
  after(() => app.close());

  describe('opening', () => {
    it('needs nothing', async () => {
      const answer = await ann.send('POST', '/sessions');
      expect(answer.status).to.equal(201);
      const session = (await answer.json()) as Session;
      expect(session).to.deep.include({
        kind: 'chat',
        title: null,
        groupId: null,
        model: 'echo',
        settings: {},
        isFavorite: false,
        totals: { messages: 0, tokens: 0, cost: { usd: 0, inr: 0 }, credits: 0 },
        expiresAt: null,
      });
      expect(new Date(session.lastActivityAt).toISOString()).to.equal(session.lastActivityAt);
      expect(await ann.get<OpenSession>(`/sessions/${session.id}`)).to.deep.equal({
        ...session,
        messages: [],
      });
    });

    it('takes title, group, model and settings; the model is kept under its full name', async () => {
      const group = await ann.newGroup();
      const settings = { systemPrompt: 'Be brief.', temperature: 0, topP: 1, maxTokens: 10 };
      const session = await ann.newSession({ title: ' Plans ', groupId: group.id, model: 'gpt-4', settings });
      expect(session).to.deep.include({ title: 'Plans', groupId: group.id, model: 'openai/gpt-4', settings });
    });

    it('tells the room of the user', async () => {
      const session = await ann.newSession();
      expect(app.events).to.deep.equal([
        { room: userRoom(ann.userId), event: 'session:new', payload: session },
      ]);
    });

    it('is refused with a model, a group or settings that are not there, and nothing is written', async () => {
      await ann.refused('model_not_available', ['POST', '/sessions', { model: 'nobody/x' }], ['body.model']);
      await ann.refused('not_found', ['POST', '/sessions', { groupId: newId() }], ['body.groupId']);
      await ann.refused('not_found', ['POST', '/sessions', { groupId: (await bob.newGroup()).id }]);
      for (const [body, field] of [
        [{ settings: { temperature: 3 } }, 'body.settings.temperature'],
        [{ settings: { temperature: '1' } }, 'body.settings.temperature'],
        [{ settings: { topK: 1 } }, 'body.settings.topK'],
        [{ settings: null }, 'body.settings'],
        [{ groupId: 7 }, 'body.groupId'],
        [{ title: '' }, 'body.title'],
        [{ title: 'x'.repeat(201) }, 'body.title'],
        [{ title: null }, 'body.title'],
        [{ model: '' }, 'body.model'],
        [{ userId: bob.userId }, 'body.userId'],
        [{ isFavorite: true }, 'body.isFavorite'],
      ] as const) {
        await ann.refused('validation_failed', ['POST', '/sessions', body], [field]);
      }
      expect(await ann.get('/sessions')).to.deep.equal({ data: [], nextCursor: null });
      expect(app.events).to.deep.equal([]);
    });
  });

  describe('reading one', () => {
    it('gives the newest 50 messages, oldest first', async () => {
      const { id } = await ann.newSession();
      const messages = await seedMessages(database().db, { userId: ann.userId, sessionId: id, count: 60 });
      const session = await ann.get<OpenSession>(`/sessions/${id}`);
      expect(session.messages.map((message) => message.id)).to.deep.equal(messages.slice(10));

      const rest = await ann.get<Listed<Message>>(`/messages/${id}?cursor=${session.messages[0]?.id}`);
      expect(rest.data.map((message) => message.id)).to.deep.equal(messages.slice(0, 10).reverse());
    });

    it('takes an id in capitals', async () => {
      const { id } = await ann.newSession();
      expect((await ann.get<Session>(`/sessions/${id.toUpperCase()}`)).id).to.equal(id);
    });

    it('shows what it has used', async () => {
      const { id } = await ann.newSession();
      await rows(
        database().db,
        `UPDATE sessions SET message_count = 2, total_tokens = 5000000000, total_cost_usd = 0.0000000125,
           total_credits = 0.3 WHERE id = $1`,
        [id],
      );
      expect((await ann.get<Session>(`/sessions/${id}`)).totals).to.deep.equal({
        messages: 2,
        tokens: 5_000_000_000,
        cost: { usd: 0.0000000125, inr: 0.0000011 },
        credits: 0.3,
      });
    });
  });

  describe('listing', () => {
    it('is by last use, newest first, and only of the own', async () => {
      const [first, second] = [await ann.newSession(), await ann.newSession()];
      await bob.newSession();
      expect(ids(await ann.get<Listed<Session>>('/sessions'))).to.deep.equal([second.id, first.id]);
      await ann.say(first.id, 'hello');
      expect(ids(await ann.get<Listed<Session>>('/sessions'))).to.deep.equal([first.id, second.id]);
    });

    it('neither loses nor repeats at equal times, with new ones in between', async () => {
      const at = (n: number) => ({ at: `2025-01-01 00:00:00.00${n % 3}` });
      const made = await storeSessions(ann.userId, 25, at);
      const listed = await ann.all<Session>('/sessions?limit=4', async () => {
        await ann.newSession();
        await storeSessions(ann.userId, 3, at);
      });
      const seen = listed.map((session) => session.id);
      expect(seen).to.include.members(made);
      expect(new Set(seen).size).to.equal(seen.length);
      const order = listed.map((session) => `${session.lastActivityAt} ${session.id}`);
      expect(order).to.deep.equal([...order].sort().reverse());
    });

    it('ends without a cursor at exactly a page', async () => {
      await storeSessions(ann.userId, 4);
      const page = await ann.get<Listed<Session>>('/sessions?limit=4');
      expect(page.data).to.have.length(4);
      expect(page.nextCursor).to.equal(null);
      expect((await ann.get<Listed<Session>>('/sessions?limit=3')).nextCursor).to.be.a('string');
    });

    it('gives 20 unless told otherwise', async () => {
      await storeSessions(ann.userId, 21);
      expect((await ann.get<Listed<Session>>('/sessions')).data).to.have.length(20);
      expect((await ann.get<Listed<Session>>('/sessions?limit=100')).data).to.have.length(21);
    });

    it('can be of one group, of none, of favourites, of a kind, and of several of these', async () => {
      const group = await ann.newGroup();
      const [grouped, loved, both] = [
        await ann.newSession({ groupId: group.id }),
        await ann.newSession(),
        await ann.newSession({ groupId: group.id }),
      ];
      for (const { id } of [loved, both]) await ann.patch(`/sessions/${id}/favorite`, { isFavorite: true });
      const [lanes] = await storeSessions(ann.userId, 1, () => ({ kind: 'playground' }));

      const listed = async (query: string) => ids(await ann.get<Listed<Session>>(`/sessions?${query}`));
      expect(await listed(`group=${group.id}`)).to.deep.equal([both.id, grouped.id]);
      expect(await listed('group=none')).to.deep.equal([loved.id]);
      expect(await listed('favourite=true')).to.deep.equal([both.id, loved.id]);
      expect(await listed('favourite=false')).to.deep.equal([grouped.id]);
      expect(await listed('kind=playground')).to.deep.equal([lanes]);
      expect(await listed('kind=chat&group=none')).to.deep.equal([loved.id]);
      expect(await listed(`group=${group.id}&favourite=true&kind=chat`)).to.deep.equal([both.id]);
    });

    it('of a group of somebody else is empty, like that of one that is not there', async () => {
      const group = await bob.newGroup();
      await bob.newSession({ groupId: group.id });
      for (const id of [group.id, newId()]) {
        expect(await ann.get(`/sessions?group=${id}`)).to.deep.equal({ data: [], nextCursor: null });
      }
    });

    it('finds a part of the title, whatever its case, with nothing meaning more than itself', async () => {
      const titles = [
        '100% sure',
        '100 percent',
        'snake_case',
        'snakeXcase',
        'back\\slash',
        'ÜBER Maß',
        "o'clock",
      ];
      for (const title of titles) await ann.newSession({ title });
      await ann.newSession();
      const found = async (search: string) =>
        (await ann.get<Listed<Session>>(`/sessions?search=${encodeURIComponent(search)}`)).data.map(
          (session) => session.title,
        );
      expect(await found('100%')).to.deep.equal(['100% sure']);
      expect(await found('SNAKE_')).to.deep.equal(['snake_case']);
      expect(await found('\\')).to.deep.equal(['back\\slash']);
      expect(await found('über')).to.deep.equal(['ÜBER Maß']);
      expect(await found("'")).to.deep.equal(["o'clock"]);
      expect(await found('%')).to.deep.equal(['100% sure']);
      expect(await found('_')).to.deep.equal(['snake_case']);
      expect(await found('nowhere')).to.deep.equal([]);
    });

    it('pages a filtered list', async () => {
      const made = await storeSessions(ann.userId, 9, (n) => ({ title: n % 2 ? 'odd' : 'even' }));
      const odd = await ann.all<Session>('/sessions?limit=2&search=ODD&favourite=false');
      expect(odd.map((session) => session.id)).to.have.members(made.filter((_id, n) => n % 2 === 1));
    });

    it('is refused with a bad page or filter', async () => {
      for (const limit of ['0', '101', '-1', '1.5', 'x', '']) {
        await ann.refused('validation_failed', ['GET', `/sessions?limit=${limit}`], ['query.limit']);
      }
      for (const cursor of BAD_CURSORS) {
        await ann.refused('validation_failed', ['GET', `/sessions?cursor=${cursor}`], ['query.cursor']);
      }
      for (const [query, field] of [
        ['group=mine', 'query.group'],
        ['favourite=yes', 'query.favourite'],
        ['kind=voice', 'query.kind'],
        ['kind=call', 'query.kind'],
        ['search=', 'query.search'],
        [`search=${'x'.repeat(101)}`, 'query.search'],
        ['favorite=true', 'query.favorite'],
        ['limit=1&limit=2', 'query.limit'],
      ]) {
        await ann.refused('validation_failed', ['GET', `/sessions?${query}`], [field as string]);
      }
    });
  });

  describe('changing', () => {
    it('changes what is given and nothing else', async () => {
      const group = await ann.newGroup();
      const before = await ann.newSession({ title: 'Old', settings: { temperature: 1, maxTokens: 5 } });
      const path = `/sessions/${before.id}`;
      const steps: [string, object, Partial<Session>][] = [
        ['', { title: 'New' }, { title: 'New' }],
        ['', { isFavorite: true }, { isFavorite: true }],
        ['', { model: 'gpt-4' }, { model: 'openai/gpt-4' }],
        ['', { settings: { topP: 0.5 } }, { settings: { topP: 0.5 } }],
        ['', { groupId: group.id }, { groupId: group.id }],
        ['', { groupId: null }, { groupId: null }],
        ['/group', { groupId: group.id }, { groupId: group.id }],
        ['/group', { groupId: null }, { groupId: null }],
        ['/favorite', { isFavorite: false }, { isFavorite: false }],
        ['', { title: 'Both', settings: {} }, { title: 'Both', settings: {} }],
      ];
      let expected: Session = before;
      for (const [at, body, change] of steps) {
        await changedAMinuteAgo(database(), 'sessions', before.id);
        const changed = await ann.patch<Session>(path + at, body);
        expect(changed.updatedAt >= expected.updatedAt).to.equal(true);
        expected = { ...expected, ...change, updatedAt: changed.updatedAt };
        expect(changed).to.deep.equal(expected);
      }
      expect(await ann.get(path)).to.deep.equal({ ...expected, messages: [] });
    });

    it('tells the room of the session, once', async () => {
      const session = await ann.newSession();
      app.events.length = 0;
      const changed = await ann.patch<Session>(`/sessions/${session.id}`, { title: 'New' });
      expect(app.events).to.deep.equal([
        { room: sessionRoom(session.id), event: 'session:update', payload: changed },
      ]);
    });

    it('to nothing changes nothing and tells nobody', async () => {
      const session = await ann.newSession();
      app.events.length = 0;
      expect(await ann.patch<Session>(`/sessions/${session.id}`, {})).to.deep.equal(session);
      expect(app.events).to.deep.equal([]);
    });

    it('stands when nobody can be told', async () => {
      const session = await ann.newSession();
      app.brokerAway = true;
      try {
        await ann.patch(`/sessions/${session.id}`, { title: 'Still' });
        expect((await ann.newSession()).id).to.be.a('string');
      } finally {
        app.brokerAway = false;
      }
      expect((await ann.get<Session>(`/sessions/${session.id}`)).title).to.equal('Still');
    });

    it('is refused with bad input, or a group or model that is not there', async () => {
      const session = await ann.newSession({ title: 'Kept' });
      const path = `/sessions/${session.id}`;
      for (const [at, body, field] of [
        ['', { title: null }, 'body.title'],
        ['', { title: 'Changed', isFavorite: 1 }, 'body.isFavorite'],
        ['', { title: 'Changed', groupId: 'x' }, 'body.groupId'],
        ['', { title: 'Changed', settings: { x: 1 } }, 'body.settings.x'],
        ['', { title: 'Changed', totals: {} }, 'body.totals'],
        ['/favorite', {}, 'body.isFavorite'],
        ['/favorite', { isFavorite: 'true' }, 'body.isFavorite'],
        ['/favorite', { isFavorite: true, title: 'Changed' }, 'body.title'],
        ['/group', {}, 'body.groupId'],
        ['/group', { groupId: '' }, 'body.groupId'],
      ] as const) {
        await ann.refused('validation_failed', ['PATCH', path + at, body], [field]);
      }
      const other = (await bob.newGroup()).id;
      for (const groupId of [other, newId()]) {
        await ann.refused('not_found', ['PATCH', path, { title: 'Changed', groupId }]);
        await ann.refused('not_found', ['PATCH', `${path}/group`, { groupId }], ['body.groupId']);
      }
      await ann.refused('model_not_available', ['PATCH', path, { title: 'Changed', model: 'nobody/x' }]);
      expect(await ann.get(path)).to.deep.equal({ ...session, messages: [] });
    });
  });

  describe('deleting', () => {
    it('takes the messages along and tells the room', async () => {
      const session = await ann.newSession();
      const { message } = await ann.say(session.id, 'hello');
      app.events.length = 0;
      expect((await ann.send('DELETE', `/sessions/${session.id}`)).status).to.equal(204);
      await ann.refused('not_found', ['GET', `/sessions/${session.id}`]);
      await ann.refused('not_found', ['GET', `/messages/${session.id}`]);
      await ann.refused('not_found', ['DELETE', `/messages/${message.id}`]);
      await ann.refused('not_found', ['DELETE', `/sessions/${session.id}`]);
      expect(app.events.at(-1)).to.deep.equal({
        room: sessionRoom(session.id),
        event: 'session:delete',
        payload: { sessionId: session.id },
      });
    });

    it('stops what is being written first, and keeps the generation for the books', async () => {
      const session = await ann.newSession();
      const { replies } = await ann.say(session.id, 'hello');
      app.events.length = 0;
      await ann.delete(`/sessions/${session.id}`);
      const kept = await rows<{ status: string }>(
        database().db,
        'SELECT status FROM generations WHERE session_id = $1',
        [session.id],
      );
      expect(kept).to.deep.equal([{ status: 'cancelled' }]);
      expect(app.events.map(({ event }) => event)).to.deep.equal([
        'message:update',
        'message:done',
        'balance:update',
        'session:delete',
      ]);
      expect(app.events[1]?.payload).to.include({ messageId: replies[0]?.id, status: 'cancelled' });
    });
  });

  it('of somebody else are not found, like those that are not there', async () => {
    const group = await bob.newGroup();
    const { id } = await ann.newSession({ title: 'Private' });
    app.events.length = 0;
    for (const session of [id, newId()]) {
      for (const request of [
        ['GET', `/sessions/${session}`],
        ['PATCH', `/sessions/${session}`, { title: 'Mine' }],
        ['PATCH', `/sessions/${session}`, {}],
        ['PATCH', `/sessions/${session}`, { groupId: group.id }],
        ['PATCH', `/sessions/${session}/favorite`, { isFavorite: true }],
        ['PATCH', `/sessions/${session}/group`, { groupId: group.id }],
        ['PATCH', `/sessions/${session}/group`, { groupId: null }],
        ['DELETE', `/sessions/${session}`],
        ['GET', `/sessions/${session}/export.json`],
        ['GET', `/sessions/${session}/export.md`],
        ['GET', `/messages/${session}`],
        ['POST', '/messages', { sessionId: session, content: 'hi' }],
      ] as [string, string, object?][]) {
        const problem = await bob.refused('not_found', request);
        expect(problem.detail).to.equal('There is no such session.');
      }
    }
    expect(app.events).to.deep.equal([]);
    expect((await ann.get<Session>(`/sessions/${id}`)).title).to.equal('Private');
  });

  it('must be named by a UUID', async () => {
    for (const [method, path, body] of [
      ['GET', '/sessions/7'],
      ['PATCH', '/sessions/7', {}],
      ['DELETE', '/sessions/7'],
      ['GET', '/sessions/7/export.json'],
    ] as [string, string, object?][]) {
      await ann.refused('validation_failed', [method, path, body], ['params.id']);
    }
    await ann.refused('validation_failed', ['GET', '/messages/7'], ['params.sessionId']);
  });

  it('need somebody who is signed in', async () => {
    for (const path of ['/sessions', '/groups', `/sessions/${newId()}`, '/v1/balance']) {
      const answer = await fetch(app.url + path);
      expect(answer.status).to.equal(401);
    }
  });

  async function storeSessions(
    userId: string,
    count: number,
    make: (n: number) => { at?: string; title?: string; kind?: string } = () => ({}),
  ): Promise<string[]> {
    const made = Array.from({ length: count }, (_, n) => ({ id: newId(), ...make(n) }));
    for (const { id, at = '2025-01-01', title = null, kind = 'chat' } of made) {
      await rows(
        database().db,
        `INSERT INTO sessions (id, user_id, model, title, kind, last_activity_at) VALUES ($1, $2, 'echo', $3, $4, $5)`,
        [id, userId, title, kind, at],
      );
    }
    return made.map(({ id }) => id);
  }
});

const ids = (page: Listed<{ id: string }>): string[] => page.data.map(({ id }) => id);
