import { once } from 'node:events';
import http from 'node:http';
import { expect } from 'chai';
import { io } from 'socket.io-client';
import type { Problem } from '../../src/contracts/errors.ts';
import { CHAT_NAMESPACE } from '../../src/contracts/events.ts';
import { SCOPES } from '../../src/contracts/permissions.ts';
import { rows } from '../../src/data/database.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import { createStreamTickets } from '../../src/services/stream-tickets.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { makeKey, withToken } from '../support/test-keys.ts';
import { signInAgain, signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

describe('API keys on sockets and event streams', () => {
  const database = useTestDatabase();
  const clients: { cut(): void }[] = [];
  let app: WebApp;
  let user: TestUser;
  let sessionId: string;

  before(async () => {
    app = await startWebApp(database(), { SSE_HEARTBEAT_MS: '100' });
  });
  after(() => app.close());
  beforeEach(async () => {
    user = await signUp(app);
    sessionId = (await user.at(app).newSession()).id;
  });
  afterEach(() => {
    for (const each of clients.splice(0)) each.cut();
  });

  const socketOf = async (token: string, of = user) => {
    const client = new ChatClient(withToken(of, token));
    clients.push(client);
    await client.connect(app);
    return client;
  };
  const streamOf = async (token: string) => {
    const client = new EventStreamClient(withToken(user, token));
    clients.push(client);
    await client.open(app, sessionId);
    return client;
  };
  /** An event stream without a header; resolves with its answer. */
  const streamBy = async (ticket: string) => {
    const request = http.get(`${app.url}/sse/sessions/${sessionId}/stream?ticket=${ticket}`, {
      agent: false,
    });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    clients.push({ cut: () => response.destroy() });
    response.resume();
    return response;
  };
  const refused = (work: Promise<unknown>): Promise<Problem['code']> =>
    work.then(
      () => expect.fail('it was not refused'),
      (error: { data: Problem }) => error.data.code,
    );
  const revoke = (id: string) => user.at(app).delete(`/user/api-keys/${id}`);
  const isLost = (client: ChatClient) => client.until('the disconnect', () => client.lost !== undefined);
  const ask = (client: ChatClient) => client.send({ sessionId, content: 'Still here?' });

  it('do what their owner does there, without an end that would be too far for a timer', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const { key } = await makeKey(app, user);
    const client = await socketOf(key);
    await client.join(sessionId);
    const { replies } = await ask(client);
    const id = replies[0]?.id ?? '';
    expect(await client.stop(id)).to.equal('cancelled');
    await client.done([id]);
    const stream = await streamOf(key);
    await stream.until('a heartbeat', () => stream.heartbeats > 1);
    process.off('warning', note);
    // A timer that is too long ends at once, and says so: the process would do nothing but look at the clock.
    expect(warnings).to.be.empty;
    expect([client.expired, client.lost, stream.ended]).to.deep.equal([false, undefined, false]);
    const stranger = await signUp(app);
    const strangers = await socketOf((await makeKey(app, stranger)).key, stranger);
    expect(await refused(strangers.join(sessionId))).to.equal('not_found');
  });

  it('are refused at the door with the problem, as an access token is', async () => {
    const [expired, revoked, used] = [
      await makeKey(app, user),
      await makeKey(app, user),
      await makeKey(app, user),
    ];
    await rows(database().db, 'UPDATE api_keys SET expires_at = now() WHERE id = $1', [expired.id]);
    await revoke(revoked.id);
    const others = SCOPES.filter((scope) => scope !== 'chat');
    const refusals: [token: string, code: string][] = [
      [expired.key, 'token_expired'],
      [revoked.key, 'token_revoked'],
      [`pk_${'a'.repeat(43)}`, 'unauthenticated'],
      [`${used.key} `, 'unauthenticated'],
      [(await makeKey(app, user, { scopes: others })).key, 'forbidden'],
    ];
    for (const [token, code] of refusals) expect(await refused(socketOf(token))).to.equal(code);
    await rows(database().db, `UPDATE users SET role = 'viewer' WHERE id = $1`, [user.id]);
    await app.feed.control.publish('access-changed', { userId: user.id });
    expect(await refused(socketOf(used.key))).to.equal('forbidden');
  });

  it('end with their sockets and streams when they are revoked; the rest of the user stays', async () => {
    const [ending, staying] = [await makeKey(app, user), await makeKey(app, user)];
    const ends = [await socketOf(ending.key), await socketOf(ending.key)];
    const stays = [await socketOf(staying.key), await socketOf(user.token)];
    const [endingStream, stayingStream] = [await streamOf(ending.key), await streamOf(staying.key)];
    await revoke(ending.id);
    await Promise.all(ends.map(isLost));
    expect(ends.map(({ lost }) => lost)).to.deep.equal(['io server disconnect', 'io server disconnect']);
    await endingStream.until('the end', () => endingStream.ended);
    expect(await refused(ends[0]?.connect(app) as Promise<void>)).to.equal('token_revoked');
    for (const client of stays) await ask(client);
    expect(stayingStream.ended).to.equal(false);
    await user.at(app).send('POST', '/auth/logout');
    await isLost(stays[1] as ChatClient);
    await ask(stays[0] as ChatClient);
  });

  it('end when their owner may not chat any more; those of others stay', async () => {
    const other = await signUp(app);
    const { key } = await makeKey(app, user);
    const ends = [await socketOf(key), await socketOf(user.token)];
    const stays = await socketOf(other.token, other);
    const streams = [await streamOf(key), await streamOf(user.token)];
    await rows(database().db, `UPDATE users SET role = 'viewer' WHERE id = $1`, [user.id]);
    await app.feed.control.publish('access-changed', { userId: user.id });
    await Promise.all(ends.map(isLost));
    for (const stream of streams) await stream.until('the end', () => stream.ended);
    expect(await refused(ends[0]?.connect(app) as Promise<void>)).to.equal('forbidden');
    // Of a role that changes nobody is named: everybody is looked at.
    await app.feed.control.publish('access-changed', { userId: null });
    const { id } = await other.at(app).newSession();
    await stays.join(id);
    expect(stays.lost).to.equal(undefined);
    await rows(database().db, `UPDATE users SET role = 'viewer' WHERE id = $1`, [other.id]);
    await app.feed.control.publish('access-changed', { userId: null });
    await isLost(stays);
  });

  it('end at their expiry: the socket is told, the stream ends', async () => {
    const realNow = Date.now;
    const began = Date.now();
    let client: ChatClient;
    let stream: EventStreamClient;
    try {
      // The clock stands until both are there, however long that takes.
      Date.now = () => began;
      const { key } = await makeKey(app, user, { expiresAt: new Date(began + 700).toISOString() });
      [client, stream] = [await socketOf(key), await streamOf(key)];
    } finally {
      Date.now = realNow;
    }
    await client.until('auth:expired', () => client.expired);
    await stream.until('the end', () => stream.ended);
    const { key: next } = await makeKey(app, user);
    expect(await client.renew(next)).to.equal('9999-12-31T23:59:59.999Z');
    await ask(client);
  });

  it('may go on with a connection that began otherwise, if they may be there', async () => {
    const client = await socketOf(user.token);
    const wrong = await makeKey(app, user, { scopes: ['models', 'admin'] });
    const stranger = await signUp(app);
    expect(await refused(client.renew(wrong.key))).to.equal('forbidden');
    expect(await refused(client.renew((await makeKey(app, stranger)).key))).to.equal('forbidden');
    expect(await refused(client.renew(`pk_${'a'.repeat(43)}`))).to.equal('unauthenticated');
    await revoke(wrong.id);
    await ask(client);
    const { id, key } = await makeKey(app, user);
    await client.renew(key);
    const again = await signInAgain(app, user);
    await user.at(app).send('POST', '/auth/logout');
    await ask(client);
    await again.at(app).delete(`/user/api-keys/${id}`);
    await isLost(client);
  });

  describe('revoked while a connection is made', () => {
    /** Lets whoever asks what the user may do wait, while `work` is done and after the key is revoked. */
    async function revokedMeanwhile(work: (key: string) => Promise<unknown>): Promise<void> {
      const { id, key } = await makeKey(app, user);
      await (await fetch(`${app.url}/groups`, { headers: { 'x-api-key': key } })).text();
      let working: Promise<unknown> | undefined;
      await database().transaction(async (db) => {
        await rows(db, 'LOCK TABLE roles IN ACCESS EXCLUSIVE MODE');
        await app.feed.control.publish('access-changed', { userId: user.id });
        working = work(key);
        working.catch(() => {});
        await until('it waits for what the account may do', async () => {
          const sql = `SELECT 1 FROM pg_locks WHERE relation = 'roles'::regclass AND NOT granted`;
          return (await rows(db, sql)).length > 0;
        });
        await app.feed.control.publish('family-revoked', { familyId: id });
      });
      await working;
    }

    it('it ends, as a socket', async () => {
      let heard: Promise<string[]> | undefined;
      await revokedMeanwhile((key) => {
        const options = {
          auth: { token: key },
          transports: ['websocket'],
          forceNew: true,
          reconnection: false,
        };
        const socket = io(app.url + CHAT_NAMESPACE, options);
        clients.push({ cut: () => socket.disconnect() });
        heard = new Promise((resolve) => {
          const events: string[] = [];
          socket.on('connect', () => events.push('connect'));
          socket.on('disconnect', (reason) => resolve([...events, reason]));
        });
        return heard;
      });
      expect(await heard).to.deep.equal(['connect', 'io server disconnect']);
    });

    it('it ends, as a stream', async () => {
      let client: EventStreamClient | undefined;
      await revokedMeanwhile(async (key) => {
        client = await streamOf(key);
      });
      await client?.until('the end', () => client?.ended === true);
    });
  });

  describe('and stream tickets', () => {
    const ticketOf = async (key: string): Promise<string> =>
      (await withToken(user, key).at(app).post<{ ticket: string }>('/auth/stream-ticket')).ticket;

    it('get one for the streams that they may read, which ends with them', async () => {
      const [{ id, key }, { key: other }] = [await makeKey(app, user), await makeKey(app, user)];
      const [open, kept] = [await streamBy(await ticketOf(key)), await streamBy(await ticketOf(other))];
      const unused = await ticketOf(key);
      expect([open.statusCode, kept.statusCode]).to.deep.equal([200, 200]);
      const end = once(open, 'end');
      await revoke(id);
      await end;
      expect((await streamBy(unused)).statusCode).to.equal(401);
      expect(kept.readableEnded).to.equal(false);
    });

    it('get none without a scope that opens any stream', async () => {
      const { key } = await makeKey(app, user, { scopes: ['models', 'usage', 'admin'] });
      await withToken(user, key).at(app).refused('forbidden', ['POST', '/auth/stream-ticket']);
    });

    it('are one with their ticket: it says all that the key does', async () => {
      const tickets = createStreamTickets({
        tickets: createMemoryFeed().tickets,
        revocations: { isRevoked: () => false },
      });
      const signIn = {
        userId: 'u',
        role: 'user',
        familyId: 'f',
        tokenId: 't',
        expiresAt: Date.now() + 60_000,
      };
      for (const identity of [signIn, { ...signIn, scopes: ['chat', 'models'] as const }]) {
        const { ticket } = await tickets.issue(identity);
        expect(await tickets.redeem(ticket)).to.deep.equal(identity);
      }
    });
  });
});
