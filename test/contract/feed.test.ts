import { expect } from 'chai';
import { Redis } from 'ioredis';
import { newId } from '../../src/base/ids.ts';
import { type RoomEventName, type RoomEvents, sessionRoom } from '../../src/contracts/events.ts';
import { decodeBroadcast, roomChannel } from '../../src/feed/broadcast.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import type { Channel, Feed, LiveRef, LiveText, TimeSlice, Written } from '../../src/feed/ports.ts';
import { openRedisFeed } from '../../src/feed/redis.ts';
import { silentLog } from '../support/global.ts';
import { describeWithRedis, freePort, redisUrl, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

/** An event as somebody in the room sees it. */
interface Heard {
  room: string;
  event: RoomEventName;
  payload: RoomEvents[RoomEventName];
}

/** One feed, and its other end. */
interface World {
  feed: Feed;
  /** That of another process, where there can be one. */
  other: Feed;
  /** Begins to listen to rooms; every event of them is added to the answer. */
  hear(...rooms: string[]): Promise<Heard[]>;
  close(): Promise<void>;
}

async function openMemoryWorld(): Promise<World> {
  const feed = createMemoryFeed();
  return {
    feed,
    other: feed,
    async hear(...rooms) {
      const heard: Heard[] = [];
      feed.listen((room, event, payload) => {
        if (rooms.includes(room)) heard.push({ room, event, payload });
      });
      return heard;
    },
    close: () => feed.close(),
  };
}

async function openRedisWorld(): Promise<World> {
  const url = await redisUrl();
  const [feed, other] = await Promise.all([openRedisFeed(url, silentLog), openRedisFeed(url, silentLog)]);
  const subscriber = new Redis(url);
  return {
    feed,
    other,
    async hear(...rooms) {
      const heard: Heard[] = [];
      subscriber.on('smessage', (channel: string, message: string) => {
        const received = decodeBroadcast(message);
        if (!received || !rooms.includes(received.room)) return;
        expect(channel).to.equal(roomChannel(received.room));
        const { room, event, payloadJson } = received;
        heard.push({ room, event, payload: JSON.parse(payloadJson) });
      });
      for (const room of rooms) await subscriber.ssubscribe(roomChannel(room));
      return heard;
    },
    async close() {
      subscriber.disconnect();
      await Promise.all([feed.close(), other.close()]);
    },
  };
}

/** A slice of ten seconds. */
const slice = (index: number): TimeSlice => ({ index, lengthMs: 10_000, keepMs: 70_000 });

/** Longest time in which something that cannot be done must have said so. */
const FAST_MS = 1_000;

/** What text may have in it: pairs, marks, what JSON escapes, and what the wire has around it. */
const UNICODE = [
  'Grüße, ',
  '日本語 ',
  '👩‍👩‍👧‍👦🇮🇳',
  'e\u0301 नमस्ते ',
  '\u2028\u2029\u0001\u0002\u001f\t\n',
  '"\\"\\\\',
  ']}}}',
  '","',
  '\u{10ffff}\ufeff\ufffd',
];

/** A text without reasoning. */
const plain = (text: string): Written => ({ text, reasoning: null });

const newRef = (attempt = 1): LiveRef => ({ sessionId: newId(), messageId: newId(), attempt });

/** Appends as a worker does: each delta acknowledged before the next. */
class Writer {
  readonly #live: LiveText;
  text = '';
  reasoning: string | null = null;

  constructor(feed: Feed, ref: LiveRef) {
    this.#live = feed.live.open(ref);
  }

  /** What the live text has to be. */
  get written(): Written {
    return { text: this.text, reasoning: this.reasoning };
  }

  async write(...deltas: string[]): Promise<void> {
    for (const text of deltas) {
      const offset = this.text.length;
      this.text += text;
      await this.#live.append({ offset, text, whole: this.#whole });
    }
  }

  async think(...deltas: string[]): Promise<void> {
    for (const text of deltas) {
      const offset = this.reasoning?.length ?? 0;
      this.reasoning = (this.reasoning ?? '') + text;
      await this.#live.append({ channel: 'reasoning', offset, text, whole: this.#whole });
    }
  }

  readonly #whole = (channel?: Channel): string => this[channel ?? 'text'] ?? '';
}

describe('the memory feed', () => behavesAsFeed(openMemoryWorld));
describeWithRedis('the Redis feed', () => behavesAsFeed(openRedisWorld));

function behavesAsFeed(open: () => Promise<World>): void {
  let world: World;
  before(async () => {
    world = await open();
  });
  after(() => world.close());

  it('answers a ping', () => world.feed.ping());

  describe('rooms', () => {
    it('deliver in the order of publishing, over all events and rooms', async () => {
      const sessions = [newId(), newId(), newId()];
      const heard = await world.hear(...sessions.map(sessionRoom));
      const sent: Heard[] = Array.from({ length: 300 }, (_, index) => {
        const sessionId = sessions[index % sessions.length] ?? '';
        const room = sessionRoom(sessionId);
        return index % 2
          ? { room, event: 'message:delete', payload: { sessionId, messageId: String(index) } }
          : { room, event: 'balance:update', payload: { balance: index, held: 0, available: 1.25 } };
      });
      await Promise.all(
        sent.map(({ room, event, payload }) => world.feed.rooms.publish(room, event, payload)),
      );
      await until('every event', () => heard.length >= sent.length);
      expect(heard).to.deep.equal(sent);
    });

    it('deliver nothing of other rooms', async () => {
      const [mine, others] = [newId(), newId()];
      const heard = await world.hear(sessionRoom(mine));
      await world.feed.rooms.publish(sessionRoom(others), 'session:delete', { sessionId: others });
      await world.feed.rooms.publish(sessionRoom(mine), 'session:delete', { sessionId: mine });
      await until('the event', () => heard.length > 0);
      expect(heard.map(({ payload }) => payload)).to.deep.equal([{ sessionId: mine }]);
    });
  });

  describe('live texts', () => {
    it('are read from anywhere as far as they were written, and can be dropped', async () => {
      const ref = newRef();
      expect(await world.other.live.read(ref)).to.equal(null);
      const writer = new Writer(world.feed, ref);
      expect(await world.other.live.read(ref)).to.equal(null);
      for (const delta of ['One', ', two', ', three']) {
        await writer.write(delta);
        expect(await world.other.live.read(ref)).to.deep.equal(writer.written);
      }
      await world.other.live.drop(ref);
      expect(await world.feed.live.read(ref)).to.equal(null);
      await world.other.live.drop(ref);
    });

    it('publish each delta with its offset, never ahead of the text', async () => {
      const ref = newRef();
      const heard = await world.hear(sessionRoom(ref.sessionId));
      const writer = new Writer(world.feed, ref);
      const deltas = Array.from({ length: 50 }, (_, index) => `${index} `);
      for (const delta of deltas) {
        await writer.write(delta);
        expect(await world.feed.live.read(ref)).to.deep.equal(writer.written);
      }
      await until('every delta', () => heard.length >= deltas.length);
      let offset = 0;
      for (const [index, delta] of deltas.entries()) {
        expect(heard[index]).to.deep.equal({
          room: sessionRoom(ref.sessionId),
          event: 'message:stream',
          payload: { ...ref, offset, delta },
        });
        offset += delta.length;
      }
    });

    it('hold whatever text can have in it', async () => {
      const ref = newRef();
      const heard = await world.hear(sessionRoom(ref.sessionId));
      const writer = new Writer(world.feed, ref);
      await writer.write(...UNICODE);
      expect(await world.other.live.read(ref)).to.deep.equal(plain(UNICODE.join('')));
      await until('every delta', () => heard.length >= UNICODE.length);
      expect(heard.map(({ payload }) => (payload as RoomEvents['message:stream']).delta)).to.deep.equal(
        UNICODE,
      );
      // A new attempt may begin with any of it as well.
      for (const [index, text] of UNICODE.entries()) {
        const further = { ...ref, attempt: 2 + index };
        await new Writer(world.feed, further).write(text);
        expect(await world.feed.live.read(further)).to.deep.equal(plain(text));
      }
    });

    it('have reasoning beside them, which is read with them and counted apart', async () => {
      const ref = newRef();
      const heard = await world.hear(sessionRoom(ref.sessionId));
      const writer = new Writer(world.feed, ref);
      const steps = [
        () => writer.think('Let me ', 'see. '),
        () => writer.write('It ', 'is '),
        () => writer.think('Really? '),
        () => writer.write('so.'),
      ];
      for (const step of steps) {
        await step();
        expect(await world.other.live.read(ref)).to.deep.equal(writer.written);
      }
      await until('every delta', () => heard.length >= 6);
      const reasoning = { ...ref, channel: 'reasoning' };
      expect(heard.map(({ payload }) => payload)).to.deep.equal([
        { ...reasoning, offset: 0, delta: 'Let me ' },
        { ...reasoning, offset: 7, delta: 'see. ' },
        // No `channel` at all: what is no reasoning is as it always was.
        { ...ref, offset: 0, delta: 'It ' },
        { ...ref, offset: 3, delta: 'is ' },
        { ...reasoning, offset: 12, delta: 'Really? ' },
        { ...ref, offset: 6, delta: 'so.' },
      ]);
      await world.other.live.drop(ref);
      expect(await world.feed.live.read(ref)).to.equal(null);
    });

    it('may be reasoning alone', async () => {
      const ref = newRef();
      const writer = new Writer(world.feed, ref);
      await writer.think(...UNICODE);
      expect(await world.other.live.read(ref)).to.deep.equal({ text: '', reasoning: UNICODE.join('') });
      await world.other.live.drop(ref);
      expect(await world.feed.live.read(ref)).to.equal(null);
    });

    it('are not changed by who reads them', async () => {
      const ref = newRef();
      const writer = new Writer(world.feed, ref);
      await writer.write('one');
      const before = await world.feed.live.read(ref);
      await writer.write(', two');
      expect(before).to.deep.equal(plain('one'));
    });

    it('of another attempt are other texts: who lost its claim writes where nobody reads', async () => {
      const first = newRef();
      const second = { ...first, attempt: 2 };
      const [lost, holder] = [new Writer(world.feed, first), new Writer(world.other, second)];
      await lost.write('from the first', ' attempt');
      await holder.write('again, ');
      await lost.write(', which does not know yet');
      await holder.write('from the start');
      expect(await world.feed.live.read(second)).to.deep.equal(plain('again, from the start'));
      await world.feed.live.drop(first);
      expect(await world.feed.live.read(second)).to.deep.equal(plain('again, from the start'));
    });

    it('of many messages are written at once and not mixed', async () => {
      const { sessionId } = newRef();
      const refs = Array.from({ length: 40 }, () => ({ ...newRef(), sessionId }));
      const deltas = ['a👍', 'b', 'ç', 'd'];
      await Promise.all(
        refs.map((ref) => new Writer(world.feed, ref).write(...deltas.map((text) => ref.messageId + text))),
      );
      for (const ref of refs) {
        const expected = deltas.map((text) => ref.messageId + text).join('');
        expect(await world.other.live.read(ref)).to.deep.equal(plain(expected));
      }
    });
  });

  describe('the health of providers', () => {
    it('is counted by slices of time, from anywhere', async () => {
      const [name, another] = [newId(), newId()];
      const { feed, other } = world;
      await Promise.all([
        feed.health.count(name, slice(1), 'ok'),
        other.health.count(name, slice(1), 'failed'),
        feed.health.count(name, slice(2), 'failed'),
        other.health.count(name, slice(2), 'failed'),
        feed.health.count(another, slice(2), 'ok'),
      ]);
      expect(await other.health.counts(name, [slice(1), slice(2)])).to.deep.equal({ ok: 1, failed: 3 });
      expect(await feed.health.counts(name, [slice(2), slice(3)])).to.deep.equal({ ok: 0, failed: 2 });
      expect(await feed.health.counts(newId(), [slice(1)])).to.deep.equal({ ok: 0, failed: 0 });
      await other.health.forget(name, [slice(2)]);
      expect(await feed.health.counts(name, [slice(1), slice(2)])).to.deep.equal({ ok: 1, failed: 1 });
      expect(await feed.health.counts(another, [slice(2)])).to.deep.equal({ ok: 1, failed: 0 });
    });

    it('keeps one cooldown of each target until it is dropped', async () => {
      const [one, two] = [`model:${newId()}/a:b`, newId()];
      const { feed, other } = world;
      const mine = async () =>
        (await other.health.cooldowns()).filter(({ target }) => [one, two].includes(target));
      await feed.health.putCooldown({ target: one, since: 1, until: 2 });
      await other.health.putCooldown({ target: two, since: 3, until: 4 });
      await feed.health.putCooldown({ target: one, since: 1_795_000_000_000, until: 1_795_000_000_001 });
      expect(await mine()).to.have.deep.members([
        { target: one, since: 1_795_000_000_000, until: 1_795_000_000_001 },
        { target: two, since: 3, until: 4 },
      ]);
      await feed.health.dropCooldown(one);
      await feed.health.dropCooldown(one);
      expect(await mine()).to.deep.equal([{ target: two, since: 3, until: 4 }]);
    });
  });

  describe('tickets', () => {
    it('have one winner, however many take them', async () => {
      const key = newId();
      await world.feed.tickets.put(key, 'a value: 👍', 60_000);
      const takes = Array.from({ length: 50 }, (_, index) =>
        (index % 2 ? world.feed : world.other).tickets.take(key),
      );
      const taken = (await Promise.all(takes)).filter((value) => value !== null);
      expect(taken).to.deep.equal(['a value: 👍']);
      expect(await world.feed.tickets.take(key)).to.equal(null);
      expect(await world.feed.tickets.take(newId())).to.equal(null);
    });

    it('expire', async () => {
      const [short, long] = [newId(), newId()];
      await world.feed.tickets.put(long, 'long', 60_000);
      await world.feed.tickets.put(short, 'short', 40);
      const end = Date.now() + 60;
      await until('its time is over', () => Date.now() > end);
      expect(await world.other.tickets.take(short)).to.equal(null);
      expect(await world.other.tickets.take(long)).to.equal('long');
    });
  });

  describe('the control bus', () => {
    it('tells everybody, also the sender, until they stop listening', async () => {
      const [topic, end] = [newId(), newId()];
      const heard: unknown[][] = [[], [], []];
      const stop = world.feed.control.subscribe(topic, (payload) => heard[0]?.push(payload));
      const stops = [stop];
      stops.push(world.feed.control.subscribe(topic, (payload) => heard[1]?.push(payload)));
      stops.push(world.other.control.subscribe(topic, (payload) => heard[2]?.push(payload)));
      let ends = 0;
      for (const each of new Set([world.feed, world.other])) {
        stops.push(each.control.subscribe(end, () => (ends += 1)));
      }
      const expectedEnds = stops.length - 3;

      await world.feed.control.publish(topic, { n: 1, text: 'Grüße 👍' });
      await world.feed.control.publish(newId(), 'of another topic');
      await world.feed.control.publish(end, null);
      await until('the end, everywhere', () => ends === expectedEnds);
      const first = [{ n: 1, text: 'Grüße 👍' }];
      expect(heard).to.deep.equal([first, first, first]);

      stop();
      await world.other.control.publish(topic, 'second');
      await world.other.control.publish(end, null);
      await until('the end, everywhere', () => ends === 2 * expectedEnds);
      expect(heard).to.deep.equal([first, [...first, 'second'], [...first, 'second']]);
      for (const each of stops) each();
    });
  });
}

describeWithRedis('the Redis feed, with a Redis that is not what it was', () => {
  let redis: TestRedis;
  let feed: Feed;
  let client: Redis;

  beforeEach(async () => {
    redis = await startRedis();
    feed = await openRedisFeed(redis.url, silentLog);
    client = new Redis(redis.url);
    client.on('error', () => {});
  });
  afterEach(async () => {
    client.disconnect();
    await feed.close();
    await redis.close();
  });

  /** The only key of which that holds. */
  async function keyWhich(holds: (key: string) => boolean): Promise<string> {
    const found = (await client.keys('*')).filter(holds);
    expect(found).to.have.length(1);
    return found[0] ?? '';
  }

  async function cutShort(key: string): Promise<void> {
    const text = (await client.get(key)) ?? '';
    await client.set(key, text.slice(0, -3));
  }

  it('puts back a live text that was lost, whole, with the next append', async () => {
    const ref = newRef();
    const writer = new Writer(feed, ref);
    await writer.write(...UNICODE);
    for (let round = 0; round < 3; round += 1) {
      await client.flushall();
      expect(await feed.live.read(ref)).to.equal(null);
      await writer.write(`after flush ${round} 👍`);
      expect(await feed.live.read(ref)).to.deep.equal(writer.written);
      await writer.write(' and on');
      expect(await feed.live.read(ref)).to.deep.equal(writer.written);
    }
  });

  for (const [what, lose] of [
    ['all of it', () => client.flushall()],
    ['the text', async () => client.del(await keyWhich((key) => !key.endsWith(':reasoning')))],
    ['the reasoning', async () => client.del(await keyWhich((key) => key.endsWith(':reasoning')))],
    ['the end of the reasoning', async () => cutShort(await keyWhich((key) => key.endsWith(':reasoning')))],
  ] as [string, () => Promise<unknown>][]) {
    it(`puts both back with the next append that can tell, when ${what} was lost`, async () => {
      const [thinking, further, both] = [newRef(), newRef(), newRef()];
      if (what !== 'the text') {
        // The first delta of the text is appended to nothing, and finds out nevertheless.
        const writer = new Writer(feed, thinking);
        await writer.think(...UNICODE);
        await lose();
        await writer.write('the answer');
        expect(await feed.live.read(thinking)).to.deep.equal(writer.written);
        await client.flushall();

        const going = new Writer(feed, further);
        await going.think('one, ', 'two, ');
        await lose();
        await going.think('three');
        expect(await feed.live.read(further)).to.deep.equal(going.written);
        await client.flushall();
      }
      const writer = new Writer(feed, both);
      await writer.think(...UNICODE);
      await writer.write(...UNICODE);
      await lose();
      if (what.includes('reasoning')) await writer.think(' and on');
      else await writer.write(' and on');
      expect(await feed.live.read(both)).to.deep.equal(writer.written);
      await writer.write(' and further');
      await writer.think(' and further');
      expect(await feed.live.read(both)).to.deep.equal(writer.written);
    });
  }

  it('asks for nothing more than it writes, and a channel more only where the channel changes', async () => {
    const calls = async (...names: string[]) => {
      const stats = await client.info('commandstats');
      return names.map((name) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0));
    };
    const names = ['set', 'append', 'spublish', 'strlen'] as const;
    await new Writer(feed, newRef()).write(...UNICODE);
    const plainCalls = [1, UNICODE.length - 1, UNICODE.length, 0];
    expect(await calls(...names)).to.deep.equal(plainCalls);

    const writer = new Writer(feed, newRef());
    await writer.think('a', 'b', 'c');
    await writer.write('d', 'e', 'f');
    expect(await calls(...names)).to.deep.equal([3, UNICODE.length + 3, UNICODE.length + 6, 1]);
  });

  it('makes no second key for what has no reasoning, and one in the same hash slot for what has', async () => {
    await new Writer(feed, newRef()).write('a', 'b');
    expect(await client.keys('*')).to.have.length(1);
    const ref = newRef();
    await new Writer(feed, ref).think('a');
    const [key = ''] = (await client.keys('*')).filter((each) => each.endsWith(':reasoning'));
    expect(key).to.contain(`{${ref.sessionId}}`);
  });

  for (const channel of ['write', 'think'] as const) {
    it(`does not take what is appended to a lost text for the text (${channel})`, async () => {
      const ref = newRef();
      await new Writer(feed, ref)[channel]('the beginning');
      const [key = ''] = await client.keys('*');
      await client.del(key);
      // What APPEND alone leaves, before the worker has put the text back.
      await client.append(key, ' and the end');
      expect(await feed.live.read(ref)).to.equal(null);
    });
  }

  it('lets no counts of providers stay for ever', async () => {
    const client = new Redis(redis.url);
    const name = newId();
    await feed.health.count(name, slice(7), 'ok');
    const [key = ''] = await client.keys(`*${name}*`);
    expect(await client.pttl(key)).to.be.within(60_000, 70_000);
    client.disconnect();
  });

  it('lets no live text stay for ever', async () => {
    const writer = new Writer(feed, newRef());
    const ttlOfAll = async () => Promise.all((await client.keys('*')).map((key) => client.ttl(key)));
    await writer.write('a', 'b');
    expect(await ttlOfAll()).to.satisfy(
      (ttls: number[]) => ttls.length === 1 && ttls.every((ttl) => ttl > 0),
    );
    await client.flushall();
    await writer.write('c');
    await writer.think('d');
    expect(await ttlOfAll()).to.satisfy(
      (ttls: number[]) => ttls.length === 2 && ttls.every((ttl) => ttl > 0),
    );
    await client.flushall();
    await writer.think('e');
    expect(await ttlOfAll()).to.satisfy(
      (ttls: number[]) => ttls.length === 2 && ttls.every((ttl) => ttl > 0),
    );
  });

  it('takes a message of the control channel that is none of ours for what it is', async () => {
    const told: unknown[] = [];
    const stops = [
      feed.control.subscribe('mine', (payload) => told.push(payload)),
      feed.control.subscribe('fragile', (payload) => told.push((payload as { its: string }).its.length)),
    ];
    const strange = ['', 'x', 'null', '7', '{}', '{"topic":"error","payload":1}', '{"topic":"fragile"}'];
    for (const message of strange) await client.publish('parley:control', message);
    await feed.control.publish('mine', 'still heard');
    await until('what follows is heard', () => told.length > 0);
    expect(told).to.deep.equal(['still heard']);
    for (const stop of stops) stop();
  });

  it('fails fast while Redis is away, and works again when it is back', async () => {
    const ref = newRef();
    const writer = new Writer(feed, ref);
    await writer.write('before, ');
    const told: unknown[] = [];
    feed.control.subscribe('topic', (payload) => told.push(payload));

    await redis.close();
    const { sessionId } = ref;
    const room = sessionRoom(sessionId);
    const attempts: [string, () => Promise<unknown>][] = [
      ['publish', () => feed.rooms.publish(room, 'session:delete', { sessionId })],
      ['append', () => writer.write('meanwhile, ')],
      ['read', () => feed.live.read(ref)],
      ['control', () => feed.control.publish('topic', 1)],
      ['put', () => feed.tickets.put('key', 'value', 60_000)],
      ['take', () => feed.tickets.take('key')],
      ['count', () => feed.health.count('provider', slice(1), 'ok')],
      ['counts', () => feed.health.counts('provider', [slice(1), slice(2)])],
      ['putCooldown', () => feed.health.putCooldown({ target: 'target', since: 1, until: 2 })],
      ['cooldowns', () => feed.health.cooldowns()],
      ['ping', () => feed.ping()],
    ];
    // The first round may still find the connection open; the second is after its loss.
    for (let round = 0; round < 2; round += 1) {
      for (const [what, attempt] of attempts) {
        const since = performance.now();
        const error = await attempt().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error, what).to.be.an('error');
        expect(performance.now() - since, what).to.be.below(FAST_MS);
      }
    }

    redis = await startRedis(Number(new URL(redis.url).port));
    await until('Redis is back', () =>
      feed.ping().then(
        () => true,
        () => false,
      ),
    );
    await writer.write('after');
    expect(await feed.live.read(ref)).to.deep.equal(writer.written);
    expect(writer.text).to.equal('before, meanwhile, meanwhile, after');
    await feed.rooms.publish(room, 'session:delete', { sessionId });
    await until('the control bus is back', async () => {
      await feed.control.publish('topic', 'back');
      return told.includes('back');
    });
  });

  it('is not opened where there is no Redis', async () => {
    const port = await freePort();
    const since = performance.now();
    const error = await openRedisFeed(`redis://127.0.0.1:${port}`, silentLog).catch(
      (reason: unknown) => reason,
    );
    expect(error).to.be.an('error');
    expect(performance.now() - since).to.be.below(FAST_MS);
  });
});
