import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { sessionRoom, userRoom } from '../../src/contracts/events.ts';
import { RoomHub } from '../../src/realtime/room-hub.ts';
import { type ChatSocket, SocketConnection } from '../../src/realtime/socket-connection.ts';
import { UserConnections } from '../../src/realtime/user-connections.ts';
import type { Identity } from '../../src/services/identity.ts';
import { type Deferred, defer } from '../support/deferred.ts';
import { silentLog as log } from '../support/global.ts';
import { ANN, type NamespaceWorld, NO_STATE, startNamespace } from '../support/namespace-world.ts';
import { RawChatSocket } from '../support/raw-chat-socket.ts';
import { recordedRooms } from '../support/recorded-rooms.ts';
import { microtasks, until } from '../support/until.ts';

describe('the chat namespace', () => {
  let world: NamespaceWorld;
  const sockets: RawChatSocket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.close();
    await world.close();
  });

  /** A socket that asks to be let in. */
  const knock = async () => {
    const socket = await RawChatSocket.knock(world, 'token');
    sockets.push(socket);
    return socket;
  };
  /** A socket that is in. */
  const enter = async () => {
    const socket = await RawChatSocket.connect(world, 'token');
    sockets.push(socket);
    return socket;
  };

  const isGone = () => until('the server has noticed', () => world.connections === 0);

  it('keeps nothing of a socket that leaves while it is being let in', async () => {
    const asked: Deferred<Identity>[] = [];
    world = await startNamespace({
      authenticate: () => {
        const identified = defer<Identity>();
        asked.push(identified);
        return identified.promise;
      },
    });
    const leaving = await knock();
    await until('it is asked who that is', () => asked.length === 1);
    leaving.close();
    await isGone();
    asked[0]?.resolve(ANN);
    await microtasks();
    expect(world.rooms).to.be.empty;

    const staying = enter();
    await until('it is asked who that is', () => asked.length === 2);
    asked[1]?.resolve(ANN);
    const socket = await staying;
    expect([...world.rooms]).to.deep.equal([userRoom(ANN.userId)]);
    socket.close();
    await isGone();
    expect(world.rooms).to.be.empty;
  });

  it('keeps a session joined that was left and joined again while the first joining of it fails', async () => {
    const reading: Deferred<never[]>[] = [];
    const running = () => {
      const read = defer<never[]>();
      reading.push(read);
      return read.promise;
    };
    const nothing = async () => [];
    const none = async () => ({ read: [], left: [] });
    world = await startNamespace({ messages: { running, newerIds: nothing, oldest: none } as never });
    const socket = await enter();
    const sessionId = newId();
    const session = JSON.stringify({ sessionId });
    const first = socket.ask('join', session);
    await until('it is read', () => reading.length === 1);
    expect((await socket.ask('leave', session)).ok).to.equal(true);
    const second = socket.ask('join', session);
    await until('it is read again', () => reading.length === 2);
    reading[1]?.resolve([]);
    expect((await second).ok).to.equal(true);
    reading[0]?.reject(new Error('The database is away.'));
    expect((await first).ok).to.equal(false);
    expect([...world.rooms]).to.include(sessionRoom(sessionId));
  });

  it('has messages sent in their order, however long it takes to count them', async () => {
    const counting: Deferred[] = [];
    const sent: string[] = [];
    const countRequest = () => {
      const counted = defer();
      counting.push(counted);
      return counting.length === 1 ? counted.promise : Promise.resolve();
    };
    const sendMessage = async (_identity: unknown, { content }: { content: string }) => {
      sent.push(content);
      return { message: {}, replies: [] } as never;
    };
    world = await startNamespace({ handshakes: { enter: async () => {}, countRequest }, sendMessage });
    const socket = await enter();
    const sends = ['1', '2', '3'].map((content) =>
      socket.ask('message:send', JSON.stringify({ sessionId: newId(), content })),
    );
    await until('the first is counted', () => counting.length > 0);
    // What was sent behind them has been worked on.
    expect((await socket.ask('leave', JSON.stringify({ sessionId: newId() }))).ok).to.equal(true);
    counting[0]?.resolve();
    await Promise.all(sends);
    expect(sent).to.deep.equal(['1', '2', '3']);
  });

  it('takes a session as left that is left before the joining of it begins, and as joined that is joined after that', async () => {
    const owned: Deferred[] = [];
    world = await startNamespace({
      requireSession: () => {
        const known = defer();
        owned.push(known);
        return known.promise;
      },
    });
    const socket = await enter();
    const [left, back] = [newId(), newId()];
    const sent = [
      socket.ask('join', JSON.stringify({ sessionId: left })),
      socket.ask('join', JSON.stringify({ sessionId: back })),
      socket.ask('leave', JSON.stringify({ sessionId: left })),
      socket.ask('leave', JSON.stringify({ sessionId: back })),
      socket.ask('join', JSON.stringify({ sessionId: back })),
    ];
    await until('all are looked up', () => owned.length === 3);
    for (const known of owned) known.resolve();
    for (const answer of sent) expect((await answer).ok).to.equal(true);
    expect([...world.rooms].filter((room) => room !== userRoom(ANN.userId))).to.deep.equal([
      sessionRoom(back),
    ]);
  });

  it('refuses a payload of too many values before it looks at them', async () => {
    world = await startNamespace();
    const socket = await enter();
    const have = `[${Array.from({ length: 50_001 }, () => 0).join(',')}]`;
    for (const payload of [`{"sessionId":"${newId()}","have":${have}}`, have, `{"x":{"y":${have}}}`]) {
      expect((await socket.ask('join', payload)).error).to.deep.include({
        code: 'validation_failed',
        detail: 'payload: must have at most 50000 values',
      });
    }
    expect((await socket.ask('join', JSON.stringify({ sessionId: newId() }))).ok).to.equal(true);
  });

  describe('a socket that asks much at once', () => {
    const STOP = JSON.stringify({ messageId: newId() });
    const SEND = JSON.stringify({ sessionId: newId(), content: 'Hello' });
    const JOIN = JSON.stringify({ sessionId: newId() });
    let running: Deferred<'streaming'>[];
    let most: number;
    let begun: number;

    /** Every stop waits until the test lets it end. */
    const stopMessage = async (): Promise<'streaming'> => {
      const stop = defer<'streaming'>();
      running.push(stop);
      begun += 1;
      most = Math.max(most, running.length);
      const answer = await stop.promise;
      running.splice(running.indexOf(stop), 1);
      return answer;
    };
    const endOne = () => running[0]?.resolve('streaming');
    beforeEach(() => {
      running = [];
      most = 0;
      begun = 0;
    });

    it('gets all of its answers, a few events being worked on at a time; others are not held up by them', async () => {
      const sent: string[] = [];
      const sendMessage = async (_identity: unknown, { content }: { content: string }) => {
        await microtasks(3);
        sent.push(content);
        return { message: {}, replies: [] } as never;
      };
      world = await startNamespace({ stopMessage, sendMessage });
      const socket = await enter();
      const stops = Array.from({ length: 400 }, () => socket.ask('message:stop', STOP));
      await until('some are worked on', () => begun > 0);
      // All that was sent has arrived, and is of another name.
      expect((await socket.ask('join', JOIN)).ok).to.equal(true);
      expect(begun).to.equal(4);
      const contents = Array.from({ length: 50 }, (_, n) => `${n}`);
      const sends = contents.map((content) =>
        socket.ask('message:send', JSON.stringify({ sessionId: newId(), content })),
      );
      await Promise.all(sends);
      expect(sent).to.deep.equal(contents);
      expect(begun).to.equal(4);
      for (let ended = 0; ended < 400; ended += 1) {
        await until('one is worked on', () => running.length > 0);
        endOne();
      }
      for (const stop of await Promise.all(stops))
        expect(stop).to.deep.equal({ ok: true, status: 'streaming' });
      expect({ begun, most }).to.deep.equal({ begun: 400, most: 4 });
    });

    it('is cut off beyond some hundreds, and nothing is done of what waits', async () => {
      world = await startNamespace({ stopMessage });
      const socket = await enter();
      for (let sent = 0; sent < 600; sent += 1) socket.tell('message:stop', STOP);
      await isGone();
      while (running.length > 0) {
        endOne();
        await microtasks();
      }
      expect(begun).to.equal(4);
    });

    it('is cut off when more bytes wait than may', async () => {
      const stuck = defer<never>();
      world = await startNamespace({ maxBufferBytes: 1_000, sendMessage: () => stuck.promise });
      const socket = await enter();
      const long = JSON.stringify({ sessionId: newId(), content: 'x'.repeat(600) });
      for (let sent = 0; sent < 6; sent += 1) socket.tell('message:send', long);
      expect((await socket.ask('join', JOIN)).ok).to.equal(true);
      socket.tell('message:send', SEND);
      await isGone();
    });

    it('has done what it asked before it left', async () => {
      world = await startNamespace({ stopMessage });
      const socket = await enter();
      for (let sent = 0; sent < 10; sent += 1) socket.tell('message:stop', STOP);
      expect((await socket.ask('join', JOIN)).ok).to.equal(true);
      socket.close();
      await isGone();
      while (running.length > 0) {
        endOne();
        await microtasks();
      }
      expect(begun).to.equal(10);
    });
  });

  describe('a socket that asks and does not read', () => {
    /** More than the kernel keeps for a connection, several times, in answers of 300 kB. */
    const MANY = 200;
    const long = { message: { content: 'x'.repeat(300_000) }, replies: [] } as never;
    const SEND = JSON.stringify({ sessionId: newId(), content: 'Hello' });
    const maxBufferBytes = 1_000_000;

    it('is cut off when as much of its answers waits as may of events', async () => {
      let answered = 0;
      world = await startNamespace({
        maxBufferBytes,
        sendMessage: async () => {
          answered += 1;
          return long;
        },
      });
      const socket = await enter();
      socket.stopReading();
      for (let sent = 0; world.connections > 0; sent += 1) {
        expect(sent, 'answers that nobody reads').to.be.below(MANY);
        socket.ask('message:send', SEND).catch(() => {});
        await until('it is answered', () => answered > sent || world.connections === 0);
      }
      expect(world.rooms).to.be.empty;
    });

    it('is not cut off for the rest that it reads late', async () => {
      world = await startNamespace({ maxBufferBytes, sendMessage: async () => long });
      const socket = await enter();
      for (let round = 0; round < 20; round += 1) {
        socket.stopReading();
        const answers = ['1', '2', '3', '4'].map(() => socket.ask('message:send', SEND));
        socket.readAgain();
        for (const answer of await Promise.all(answers)) expect(answer.ok).to.equal(true);
      }
    });

    it('is cut off, whatever it asks', async () => {
      world = await startNamespace();
      const socket = await knock();
      socket.stopReading();
      const namespace = 'x'.repeat(1_000);
      for (let sent = 0; world.connections > 0; sent += 1_000) {
        expect(sent, 'refusals that nobody reads').to.be.below(100_000);
        for (let i = 0; i < 1_000; i += 1) socket.say(`40/${namespace},`);
        await until('it is sent', () => socket.unsent === 0 || world.connections === 0);
      }
    });
  });
});

describe('a connection that was closed', () => {
  it('does not go on with a fresh token', async () => {
    const told: string[] = [];
    const socket = { conn: {}, emit: (event: string) => told.push(event), disconnect() {} };
    const { source } = recordedRooms();
    const hub = new RoomHub(source);
    const userConnections = new UserConnections(1);
    const deps = {
      hub,
      messages: {} as never,
      userRoom: NO_STATE,
      userConnections,
      maxBufferBytes: 1_000,
      log,
    };
    const connection = new SocketConnection(socket as unknown as ChatSocket, ANN, deps);
    await connection.open();
    connection.close();
    connection.renew({ ...ANN, expiresAt: 0 });
    // Timers of one length go off in their order, so that of an expiry would have been before.
    await sleep(1);
    expect(told).to.be.empty;
  });
});
