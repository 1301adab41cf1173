import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createShardedAdapter } from '@socket.io/redis-adapter';
import { expect } from 'chai';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { io as connect, type Socket } from 'socket.io-client';
import { newId } from '../../src/base/ids.ts';
import { connectRedis, disconnectRedis } from '../../src/base/redis.ts';
import {
  CHAT_NAMESPACE,
  type RoomEventName,
  type RoomEvents,
  type StreamEvent,
  sessionRoom,
  userRoom,
} from '../../src/contracts/events.ts';
import { CHANNEL_PREFIX, decodeBroadcast, encodeBroadcast, roomChannel } from '../../src/feed/broadcast.ts';
import { openRedisFeed } from '../../src/feed/redis.ts';
import { RespSubscriber } from '../../src/feed/resp-subscriber.ts';
import type { RoomSource } from '../../src/realtime/room-hub.ts';
import { redisRoomSource } from '../../src/realtime/room-sources.ts';
import { silentLog } from '../support/global.ts';
import { describeWithRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { startRelay } from '../support/relay.ts';
import { until } from '../support/until.ts';

/** The name of the connections under test. */
const ROOMS = 'parley-test-rooms';

/** What the encoding has around a payload, and what could be taken for it. */
const MARKERS = [
  '],"except":[],"flags":{}},"packet":{"type":2,"data":["',
  '{"uid":"parley","nsp":"/chat","type":3,"data":{"opts":{"rooms":[',
  '",',
  ']}}}',
  'session:{x}',
  '\u2028 👍 \u0000 \\" \\\\',
];

const EVENTS: RoomEventName[] = [
  'message:new',
  'message:stream',
  'message:update',
  'message:error',
  'message:done',
  'message:delete',
  'session:update',
  'session:delete',
  'balance:update',
  'session:new',
];

describe('a broadcast', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...MARKERS));
  const payloads = fc.oneof(
    fc.record({ sessionId: text, messageId: text, attempt: fc.nat(), offset: fc.nat(), delta: text }),
    fc.dictionary(text, fc.jsonValue()),
  );
  const rooms = fc.uuid().chain((id) => fc.constantFrom(sessionRoom(id), userRoom(id)));

  it('is taken apart into what it was made of, whatever is in the payload', () => {
    fc.assert(
      fc.property(rooms, fc.constantFrom(...EVENTS), payloads, (room, event, payload) => {
        const payloadJson = JSON.stringify(payload);
        const encoded = encodeBroadcast(room, event, payloadJson);
        expect(decodeBroadcast(encoded)).to.deep.equal({ room, event, payloadJson });
        const { data } = JSON.parse(encoded) as { data: { packet: { data: unknown[] } } };
        expect(data.packet.data).to.deep.equal([event, JSON.parse(payloadJson)]);
      }),
      { numRuns: 500 },
    );
  });

  it('of somebody else is not one of ours', () => {
    for (const other of [
      '',
      '{}',
      'x',
      '{"uid":"abc","nsp":"/chat","type":3,"data":{"opts":{"rooms":["r"]}}}',
    ]) {
      expect(decodeBroadcast(other)).to.equal(undefined);
    }
  });
});

describeWithRedis('broadcasts, and the sharded adapter', () => {
  let redis: TestRedis;
  let client: Redis;
  const closing: (() => unknown)[] = [];

  before(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
  });
  after(async () => {
    client.disconnect();
    await redis.close();
  });
  afterEach(async () => {
    for (let close = closing.pop(); close; close = closing.pop()) await close();
  });

  /** A plain connection, as somebody has it who knows nothing of us. */
  function connectPlainly(): Redis {
    const connection = new Redis(redis.url);
    closing.push(() => connection.disconnect());
    return connection;
  }

  /** A Socket.IO server with the adapter as its manual says, whose sockets join the room that they ask for. */
  async function startStockServer(): Promise<{ io: Server; url: string }> {
    const http = createServer();
    const io = new Server(http, {
      adapter: createShardedAdapter(connectPlainly(), connectPlainly(), { channelPrefix: CHANNEL_PREFIX }),
    });
    io.of(CHAT_NAMESPACE).on('connection', (socket) => {
      void socket.join(String(socket.handshake.auth.room));
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    closing.push(() => io.close());
    return { io, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
  }

  async function connectSocket(url: string, room: string): Promise<Socket> {
    const socket = connect(url + CHAT_NAMESPACE, {
      auth: { room },
      transports: ['websocket'],
      forceNew: true,
    });
    closing.push(() => socket.disconnect());
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    return socket;
  }

  const channels = async (): Promise<string[]> =>
    (await client.call('PUBSUB', 'SHARDCHANNELS', `${CHANNEL_PREFIX}#*{*`)) as string[];

  const delta = (messageId: string, text: string): RoomEvents['message:stream'] => ({
    sessionId: newId(),
    messageId,
    attempt: 1,
    offset: 0,
    delta: text,
  });

  it('are what a stock server publishes, but for the sender', async () => {
    const { io } = await startStockServer();
    const subscriber = connectPlainly();
    const published: [channel: string, message: string][] = [];
    subscriber.on('smessage', (channel: string, message: string) => published.push([channel, message]));
    for (const text of MARKERS) {
      const room = sessionRoom(newId());
      await subscriber.ssubscribe(roomChannel(room));
      const payload = delta(newId(), text);
      published.length = 0;
      io.of(CHAT_NAMESPACE).to(room).emit('message:stream', payload);
      await until('what it publishes', () => published.length > 0);
      const [[channel, message] = ['', '']] = published;
      expect(channel).to.equal(roomChannel(room));
      const theirs = JSON.parse(message) as { uid: string };
      const ours: unknown = JSON.parse(encodeBroadcast(room, 'message:stream', JSON.stringify(payload)));
      expect(ours).to.deep.equal({ ...theirs, uid: 'parley' });
      expect(theirs.uid).to.not.equal('parley');
    }
  });

  it('are delivered by a stock server to the sockets of the room, and to no others', async () => {
    const [room, otherRoom] = [sessionRoom(newId()), sessionRoom(newId())];
    const { url } = await startStockServer();
    const [inside, outside] = await Promise.all([connectSocket(url, room), connectSocket(url, otherRoom)]);
    await until('both rooms are subscribed', async () => (await channels()).length === 2);
    const feed = await openRedisFeed(redis.url, silentLog);
    closing.push(() => feed.close());

    const [heard, elsewhere]: [unknown[], unknown[]] = [[], []];
    inside.onAny((event, payload) => heard.push([event, payload]));
    outside.onAny((event, payload) => elsewhere.push([event, payload]));
    const ref = { sessionId: room.slice('session:{'.length, -1), messageId: newId(), attempt: 1 };
    const live = feed.live.open(ref);
    const expected: unknown[] = [];
    let offset = 0;
    for (const text of MARKERS) {
      await live.append({ offset, text, whole: () => '' });
      expected.push(['message:stream', { ...ref, offset, delta: text }]);
      offset += text.length;
    }
    await feed.rooms.publish(room, 'message:delete', { sessionId: ref.sessionId, messageId: ref.messageId });
    expected.push(['message:delete', { sessionId: ref.sessionId, messageId: ref.messageId }]);
    await feed.rooms.publish(otherRoom, 'session:delete', { sessionId: 'other' });
    await until('every event', () => heard.length >= expected.length && elsewhere.length > 0);
    expect(heard).to.deep.equal(expected);
    expect(elsewhere).to.deep.equal([['session:delete', { sessionId: 'other' }]]);
  });

  describe('as the source of rooms', () => {
    interface Source {
      source: RoomSource;
      subscriber: RespSubscriber;
      heard: { room: string; event: string; payload: unknown; json: string | undefined }[];
      losses: number;
      gaps: number;
    }

    async function openSource(url = redis.url, silenceMs = 10_000): Promise<Source> {
      const publisher = await connectRedis(redis.url, { name: 'adapter', kind: 'command' }, silentLog);
      const subscriber = await RespSubscriber.open({ url, name: ROOMS, onError: () => {}, silenceMs });
      closing.push(() => disconnectRedis(publisher));
      closing.push(() => subscriber.close());
      const io = new Server();
      const opened: Source = {
        source: redisRoomSource(io, { publisher, subscriber, ping: async () => {} }, silentLog),
        subscriber,
        heard: [],
        losses: 0,
        gaps: 0,
      };
      opened.source.listen({
        event: (room, event, payload, json) => void opened.heard.push({ room, event, payload, json }),
        lost: () => {
          opened.losses += 1;
        },
        gap: () => {
          opened.gaps += 1;
        },
      });
      return opened;
    }

    /** Breaks the connections of all sources off. */
    async function killRooms(): Promise<void> {
      const ids = String(await client.client('LIST')).matchAll(
        new RegExp(`^id=(\\d+) .*name=${ROOMS} `, 'gm'),
      );
      for (const [, id = ''] of ids) await client.client('KILL', 'ID', id);
    }

    /** Publishes with a connection of its own; answers how many processes received it. */
    const publish = (room: string, n: number): Promise<number> =>
      client.spublish(
        roomChannel(room),
        encodeBroadcast(room, 'message:delete', JSON.stringify({ n })),
      ) as Promise<number>;

    const failureOf = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => undefined,
        (error: unknown) => error,
      );

    const numbersOf = ({ heard }: Source): unknown[] =>
      heard.map(({ payload }) => (payload as { n: number }).n);

    it('come only of rooms that it has', async () => {
      const opened = await openSource();
      const [mine, left, never] = [sessionRoom(newId()), userRoom(newId()), sessionRoom(newId())];
      expect(await channels()).to.deep.equal([]);
      await opened.source.subscribe(mine);
      await opened.source.subscribe(left);
      expect(await channels()).to.have.members([mine, left].map(roomChannel));

      opened.source.unsubscribe(left);
      await until('it is unsubscribed', async () => (await channels()).length === 1);
      expect(await channels()).to.deep.equal([roomChannel(mine)]);
      expect(await publish(left, 1)).to.equal(0);
      expect(await publish(never, 2)).to.equal(0);
      expect(await publish(mine, 3)).to.equal(1);
      await until('the event', () => opened.heard.length > 0);
      expect(opened.heard).to.deep.equal([
        { room: mine, event: 'message:delete', payload: { n: 3 }, json: '{"n":3}' },
      ]);

      await opened.source.subscribe(left);
      expect(await publish(left, 4)).to.equal(1);
      await until('the event of the room it came back to', () => opened.heard.length > 1);
      expect(numbersOf(opened)).to.deep.equal([3, 4]);
    });

    it('are not lost from the moment on that subscribing resolves', async () => {
      const opened = await openSource();
      const count = 100;
      await Promise.all(
        Array.from({ length: count }, async (_, n) => {
          const room = sessionRoom(newId());
          await opened.source.subscribe(room);
          expect(await publish(room, n)).to.equal(1);
        }),
      );
      await until('every event', () => opened.heard.length >= count);
      expect(numbersOf(opened).toSorted((a, b) => Number(a) - Number(b))).to.deep.equal([
        ...Array(count).keys(),
      ]);
    });

    it('are subscribed once Redis has said so, and not before', async () => {
      const relay = await startRelay(Number(new URL(redis.url).port));
      closing.push(() => relay.close());
      const opened = await openSource(`redis://127.0.0.1:${relay.port}`);
      const room = sessionRoom(newId());
      relay.hold();
      let subscribed = false;
      const subscribing = opened.source.subscribe(room).then(() => {
        subscribed = true;
      });
      expect(await publish(room, 1)).to.equal(0);
      expect(subscribed).to.equal(false);
      relay.release();
      await subscribing;
      expect(await publish(room, 2)).to.equal(1);
      await until('the event', () => opened.heard.length > 0);
      expect(numbersOf(opened)).to.deep.equal([2]);
    });

    it('come once to a room that was left and joined again at once', async () => {
      const opened = await openSource();
      const room = sessionRoom(newId());
      for (let n = 0; n < 30; n += 1) {
        await opened.source.subscribe(room);
        expect(await publish(room, n)).to.equal(1);
        if (n % 2) opened.source.unsubscribe(room);
      }
      await opened.source.subscribe(room);
      await publish(room, 30);
      await until('the last one', () => numbersOf(opened).includes(30));
      const evens = numbersOf(opened).filter((n) => Number(n) % 2 === 0);
      expect(evens).to.deep.equal(Array.from({ length: 16 }, (_, index) => 2 * index));
      expect(new Set(numbersOf(opened)).size).to.equal(opened.heard.length);
    });

    it('come as one delta where several of a message arrived among many, never across another event of their room', async () => {
      const relay = await startRelay(Number(new URL(redis.url).port));
      closing.push(() => relay.close());
      const opened = await openSource(`redis://127.0.0.1:${relay.port}`);
      const [sessionId, a, b] = [newId(), newId(), newId()];
      const [room, other] = [sessionRoom(sessionId), userRoom(newId())];
      await opened.source.subscribe(room);
      await opened.source.subscribe(other);
      relay.holdAnswers();
      const say = (event: RoomEventName, payload: object, to = room) =>
        client.spublish(roomChannel(to), encodeBroadcast(to, event, JSON.stringify(payload)));
      const delta = (messageId: string, offset: number, text: string, attempt = 1) =>
        say('message:stream', { sessionId, messageId, attempt, offset, delta: text });
      const balance = { balance: 1, held: 0, available: 1 };
      const others = Array.from({ length: 20 }, () => say('balance:update', balance, other));
      await Promise.all(others);
      await delta(a, 0, 'Hel');
      await delta(b, 0, 'x');
      await delta(a, 3, 'lo 👍');
      await say('balance:update', balance, other);
      await delta(a, 8, '!');
      await delta(b, 5, 'a gap');
      await delta(a, 0, 'again', 2);
      await say('message:delete', { sessionId, messageId: b });
      await delta(a, 5, '.', 2);
      relay.releaseAnswers();
      await until('the last', () =>
        opened.heard.some(({ payload }) => (payload as StreamEvent).delta === '.'),
      );
      const told = opened.heard.map(({ event, payload }) => {
        const { messageId, offset, delta: text } = payload as StreamEvent;
        return event === 'message:stream' ? [messageId === a ? 'a' : 'b', offset, text] : [event];
      });
      expect(told.splice(0, others.length)).to.deep.equal(others.map(() => ['balance:update']));
      expect(told).to.deep.equal([
        ['a', 0, 'Hello 👍!'],
        ['b', 0, 'x'],
        ['balance:update'],
        ['b', 5, 'a gap'],
        ['a', 0, 'again'],
        ['message:delete'],
        ['a', 5, '.'],
      ]);
      for (const { payload, json } of opened.heard) {
        if (json !== undefined) expect(JSON.parse(json)).to.deep.equal(payload);
      }
    });

    it('subscribed while Redis is away come once it is back', async () => {
      const opened = await openSource();
      const [before, during] = [sessionRoom(newId()), sessionRoom(newId())];
      await opened.source.subscribe(before);
      await killRooms();
      await until('the loss', () => opened.losses > 0);
      await opened.source.subscribe(during);
      await until('the gap', () => opened.gaps > 0);
      expect(await publish(during, 1)).to.equal(1);
      expect(await publish(before, 2)).to.equal(1);
      await until('both', () => opened.heard.length > 1);
      expect(numbersOf(opened)).to.deep.equal([1, 2]);
    });

    it('come again after a connection that is dead, though nobody says so and this side goes on asking', async () => {
      const relay = await startRelay(Number(new URL(redis.url).port));
      closing.push(() => relay.close());
      const opened = await openSource(`redis://127.0.0.1:${relay.port}`, 300);
      await opened.source.ping();
      const room = sessionRoom(newId());
      await opened.source.subscribe(room);
      await opened.source.ping();
      relay.hold();
      const asking = setInterval(() => opened.source.ping().catch(() => {}), 20);
      closing.push(() => clearInterval(asking));
      expect(await failureOf(opened.source.ping())).to.have.property('message', 'Redis does not answer.');
      expect(opened.losses).to.equal(1);
      expect(await failureOf(opened.source.ping())).to.have.property('message', 'Redis is away.');
      await until('the gap', () => opened.gaps > 0);
      await opened.source.ping();
      // The dead connection has not ended for Redis.
      expect(await publish(room, 1)).to.equal(2);
      await until('the event', () => opened.heard.length > 0);
    });

    it('come again after the connection was lost, and the gap is reported', async () => {
      const opened = await openSource();
      const [kept, left] = [sessionRoom(newId()), sessionRoom(newId())];
      await opened.source.subscribe(kept);
      await opened.source.subscribe(left);
      opened.source.unsubscribe(left);
      await until('it is unsubscribed', async () => (await channels()).length === 1);
      for (let round = 1; round <= 3; round += 1) {
        await killRooms();
        await until('the gap', () => opened.gaps >= round);
        expect([opened.losses, opened.gaps]).to.deep.equal([round, round]);
        // Whatever comes after the report of the gap is not in it.
        expect(await publish(kept, round)).to.equal(1);
        expect(await channels()).to.deep.equal([roomChannel(kept)]);
        await until('the event', () => opened.heard.length >= round);
      }
      expect(numbersOf(opened)).to.deep.equal([1, 2, 3]);
    });
  });
});
