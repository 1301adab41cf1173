import { expect } from 'chai';
import type { StartedRun } from '../../src/contracts/playground.ts';
import type { ChatStats, UserStats } from '../../src/contracts/routes/stats.ts';
import type { Session } from '../../src/contracts/session.ts';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import type { RestClient } from '../support/rest-client.ts';
import { makeKey, withToken } from '../support/test-keys.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWholeApp, type WholeApp } from '../support/whole-app.ts';

describe('sessions that are no chats', () => {
  const database = useTestDatabase();
  let app: WholeApp;
  let user: TestUser;
  let client: RestClient;

  before(async () => {
    app = await startWholeApp(database(), { env: { DEFAULT_ROLE: 'premium', WELCOME_CREDITS: '1000' } });
  });
  after(() => app.close());
  beforeEach(async () => {
    user = await signUp(app);
    client = user.at(app);
  });

  const settled = () =>
    until('nothing is written', async () => {
      const open = 'SELECT id FROM generations WHERE user_id = $1 AND completed_at IS NULL';
      return (await rows(database().db, open, [user.id])).length === 0;
    });
  async function call(prompt = 'Hello'): Promise<{ sessionId: string; messageId: string; text: string }> {
    await client.post('/v1/generate', { model: 'echo', prompt });
    const [found] = await rows<{ sessionId: string; messageId: string; text: string }>(
      database().db,
      `SELECT m.session_id AS "sessionId", m.id AS "messageId", m.content AS text FROM messages m
         JOIN sessions s ON s.id = m.session_id WHERE s.user_id = $1 AND s.kind = 'call'`,
      [user.id],
    );
    if (!found) throw new Error('there is no call');
    return found;
  }
  const run = () => client.post<StartedRun>('/playground/sessions', { prompt: 'Hi', models: ['echo'] });
  const enhancement = async (text = 'Hello') => {
    const asked = { text, action: 'improve' };
    return (await client.post<{ sessionId: string }>('/ai/enhance', asked)).sessionId;
  };

  describe('in statistics', () => {
    it('count among no conversations', async () => {
      await call();
      await run();
      await enhancement();
      await settled();
      const none = await client.get<ChatStats>('/chat/stats');
      expect(none).to.deep.include({ sessions: 0, messages: 0, lastActivityAt: null, requests: 3 });
      const { id } = await client.newSession();
      await client.say(id, 'Hello');
      await settled();
      const one = await client.get<ChatStats>('/chat/stats');
      expect(one).to.deep.include({ sessions: 1, messages: 2 });
      const { lastActivityAt } = await client.get<Session>(`/sessions/${id}`);
      expect(one.lastActivityAt).to.equal(lastActivityAt);
    });

    it('tell when somebody was there, one-shot calls aside: nothing of these stays', async () => {
      await call();
      const lastActive = async () => (await client.get<UserStats>('/user/stats')).lastActive;
      expect(await lastActive()).to.equal(null);
      const { session } = await run();
      await settled();
      const opened = await client.get<Session>(`/sessions/${session.id}`);
      expect(await lastActive()).to.equal(opened.lastActivityAt);
      const counted = await app.admin.get<{ counts: object; lastActivityAt: string }>(
        `/admin/users/${user.id}`,
      );
      expect(counted.counts).to.deep.include({ sessions: 1, messages: 2 });
      expect(counted.lastActivityAt).to.equal(opened.lastActivityAt);
    });
  });

  describe('a one-shot call, which is kept for nobody', () => {
    it('is not there for whoever knows its id', async () => {
      const { sessionId, messageId } = await call();
      const groupId = (await client.newGroup()).id;
      for (const [method, path, body] of [
        ['GET', `/sessions/${sessionId}`],
        ['PATCH', `/sessions/${sessionId}`, { title: 'Mine' }],
        ['PATCH', `/sessions/${sessionId}`, { model: 'echo' }],
        ['PATCH', `/sessions/${sessionId}`, {}],
        ['PATCH', `/sessions/${sessionId}/favorite`, { isFavorite: true }],
        ['PATCH', `/sessions/${sessionId}/group`, { groupId }],
        ['DELETE', `/sessions/${sessionId}`],
        ['GET', `/sessions/${sessionId}/export.json`],
        ['GET', `/sessions/${sessionId}/export.md`],
        ['GET', `/messages/${sessionId}`],
        ['POST', '/messages', { sessionId, content: 'And?' }],
        ['DELETE', `/messages/${messageId}`],
        ['POST', `/messages/${messageId}/regenerate`],
        ['GET', `/sse/sessions/${sessionId}/stream`],
        ['GET', `/chat/sessions/${sessionId}`],
        ['POST', '/chat', { sessionId, message: 'And?' }],
        ['DELETE', `/chat/messages/${messageId}`],
        ['GET', `/playground/sessions/${sessionId}`],
        ['GET', `/ai/session/${sessionId}`],
      ] as const) {
        await client.refused('not_found', body ? [method, path, body] : [method, path]);
      }
      const stored = await rows(
        database().db,
        'SELECT title, is_favorite, group_id, message_count FROM sessions WHERE id = $1',
        [sessionId],
      );
      expect(stored).to.deep.equal([{ title: null, is_favorite: false, group_id: null, message_count: 1 }]);
    });

    it('is in no room of a socket', async () => {
      const { sessionId } = await call();
      const socket = new ChatClient(user);
      await socket.connect(app);
      {
        const refusal = await socket
          .join(sessionId)
          .then(String, (error: Error) => `${error.message} ${JSON.stringify(error)}`);
        expect(refusal).to.include('not_found');
      }
      socket.cut();
    });

    it('is in no export, and goes with its account', async () => {
      const { sessionId, text } = await call('A sentence that nobody keeps.');
      expect(text).to.not.equal('');
      const { id: kept } = await client.newSession();
      const runId = (await run()).session.id;
      await settled();
      const file = await client.get<{ sessions: Session[] }>('/user/export');
      expect(file.sessions.map(({ id }) => id)).to.have.members([kept, runId]);
      expect(JSON.stringify(file)).to.not.include(text);
      const gone = await client.send('DELETE', '/user/account', { password: user.password });
      expect(gone.status).to.equal(204);
      expect(await rows(database().db, 'SELECT id FROM sessions WHERE id = $1', [sessionId])).to.deep.equal(
        [],
      );
    });

    it('is found again by its key all the same', async () => {
      const { key } = await makeKey(app, user, { scopes: ['text'] });
      const ask = async () => {
        const answer = await fetch(`${app.url}/v1/generate`, {
          method: 'POST',
          headers: { 'x-api-key': key, 'content-type': 'application/json', 'idempotency-key': 'once' },
          body: JSON.stringify({ model: 'echo', prompt: 'Hi' }),
        });
        return (await answer.json()) as { id: string };
      };
      const { id } = await ask();
      expect(id).to.be.a('string');
      expect((await ask()).id).to.equal(id);
    });
  });

  describe('an enhancement that has expired', () => {
    const TEXT = 'A sentence for a week.';
    /** What its owner knows of one whose time is over, and which no sweep has deleted yet. */
    async function expired() {
      const sessionId = await enhancement(TEXT);
      await settled();
      const { data } = await client.get<{ data: { id: string }[] }>(`/messages/${sessionId}`);
      const groupId = (await client.newGroup()).id;
      await client.patch(`/sessions/${sessionId}`, { groupId, isFavorite: true, title: 'Sentence' });
      await rows(database().db, 'UPDATE sessions SET expires_at = now() WHERE id = $1', [sessionId]);
      return { sessionId, groupId, messageIds: data.map(({ id }) => id) };
    }

    it('is not there for whoever knows its id', async () => {
      const { sessionId, messageIds } = await expired();
      expect(messageIds).to.have.length(2);
      for (const [method, path, body] of [
        ['GET', `/sessions/${sessionId}`],
        ['PATCH', `/sessions/${sessionId}`, { title: 'Mine' }],
        ['PATCH', `/sessions/${sessionId}`, {}],
        ['DELETE', `/sessions/${sessionId}`],
        ['GET', `/sessions/${sessionId}/export.json`],
        ['GET', `/sessions/${sessionId}/export.md`],
        ['GET', `/messages/${sessionId}`],
        ['GET', `/messages/${sessionId}?limit=1`],
        ['POST', '/messages', { sessionId, content: 'And?' }],
        ['GET', `/sse/sessions/${sessionId}/stream`],
        ['GET', `/ai/session/${sessionId}`],
        ['DELETE', `/ai/session/${sessionId}`],
        ['GET', `/ai/stream/${sessionId}`],
        ...messageIds.flatMap(
          (id) =>
            [
              ['DELETE', `/messages/${id}`],
              ['POST', `/messages/${id}/stop`],
              ['POST', `/messages/${id}/regenerate`],
            ] as const,
        ),
      ] as const) {
        await client.refused('not_found', body ? [method, path, body] : [method, path]);
      }
      expect(
        await rows(database().db, 'SELECT FROM messages WHERE session_id = $1', [sessionId]),
      ).to.have.length(2);
    });

    it('is in no list, export or room', async () => {
      const { sessionId, groupId } = await expired();
      const lists = [
        'kind=enhancement',
        `kind=enhancement&group=${groupId}`,
        'kind=enhancement&favourite=true',
        'kind=enhancement&search=Sentence',
      ];
      for (const path of [...lists.map((query) => `/sessions?${query}`), `/groups/${groupId}/sessions`]) {
        expect((await client.get<{ data: unknown[] }>(path)).data, path).to.deep.equal([]);
      }
      const file = await client.get<{ sessions: Session[] }>('/user/export');
      expect(file.sessions).to.deep.equal([]);
      expect(JSON.stringify(file)).to.not.include(TEXT);
      const socket = new ChatClient(user);
      await socket.connect(app);
      const refusal = await socket.join(sessionId).then(String, (error: Error) => JSON.stringify(error));
      expect(refusal).to.include('not_found');
      socket.cut();
    });
  });

  it('are read, too, with a key or a role that is for chats alone', async () => {
    const sessionId = await enhancement();
    await settled();
    const { key } = await makeKey(app, user, { scopes: ['chat'] });
    const doors = ['/sessions', '/messages'].map((door) => `${door}/${sessionId}`);
    const withKey = withToken(user, key).at(app);
    await withKey.refused('forbidden', ['GET', `/ai/session/${sessionId}`]);
    for (const door of doors) await withKey.get(door);
    await app.admin.post('/admin/roles', { name: 'chats', permissions: ['chat.use'] });
    await app.admin.patch(`/admin/users/${user.id}`, { role: 'chats' });
    await client.refused('forbidden', ['GET', `/ai/session/${sessionId}`]);
    for (const door of doors) await client.get(door);
  });

  it('keep the models that they were begun with, and take a title', async () => {
    for (const id of [(await run()).session.id, await enhancement()]) {
      await settled();
      await client.refused(
        'validation_failed',
        ['PATCH', `/sessions/${id}`, { model: 'echo' }],
        ['body.model'],
      );
      const named = await client.patch<Session>(`/sessions/${id}`, { title: 'Named' });
      expect(named).to.include({ title: 'Named', model: 'echo' });
    }
  });

  it('take no prompt of an event stream, which names where its session was given', async () => {
    const { session } = await run();
    const path = `/sse/sessions/${session.id}/stream?prompt=Hi`;
    await client.refused('validation_failed', ['GET', path], ['params.id']);
  });
});
