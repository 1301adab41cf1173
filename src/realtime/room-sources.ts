import { setTimeout as sleep } from 'node:timers/promises';
import { createShardedAdapter } from '@socket.io/redis-adapter';
import type { Redis } from 'ioredis';
import type { Server } from 'socket.io';
import type { Logger } from '../base/logger.ts';
import { CHAT_NAMESPACE, type StreamEvent } from '../contracts/events.ts';
import { CHANNEL_PREFIX, roomChannel } from '../feed/broadcast.ts';
import { BroadcastReader, type ReceivedEvent } from '../feed/broadcast-reader.ts';
import type { MemoryFeed } from '../feed/memory.ts';
import type { RespSubscriber, ShardMessage } from '../feed/resp-subscriber.ts';
import { mergeDeltas } from './merge-deltas.ts';
import type { RoomSource, RoomSourceListener } from './room-hub.ts';

/** Rooms of a single process. */
export function memoryRoomSource(feed: MemoryFeed): RoomSource {
  return {
    listen: (listener) => void feed.listen((room, event, payload) => listener.event(room, event, payload)),
    subscribe: async () => {},
    unsubscribe: () => {},
    ping: async () => {},
  };
}

/** The member of every room that this process has readers in. */
const MEMBER = 'hub';

/** Connections of the sharded adapter: a subscriber cannot publish. */
export interface AdapterConnections {
  publisher: Redis;
  subscriber: RespSubscriber;
  /** Whether live texts can be read: they have a connection of their own. @throws when they cannot */
  ping: () => Promise<void>;
}

/** Between two questions whether live texts can be read again, in milliseconds. */
const PING_MS = 50;

/**
 * Rooms through Redis, by the sharded Socket.IO adapter in dynamic mode: a room with a member has a channel of its
 * own, so that this process receives only the rooms it has. The hub is that member; what is published to it is taken
 * before the adapter would hand it to the sockets, since each socket's catching up and slowness is its reader's business.
 */
export function redisRoomSource(
  io: Server,
  { publisher, subscriber, ping }: AdapterConnections,
  log: Logger,
): RoomSource {
  io.adapter(
    createShardedAdapter(publisher, subscriber, {
      channelPrefix: CHANNEL_PREFIX,
      subscriptionMode: 'dynamic',
    }),
  );
  const { adapter } = io.of(CHAT_NAMESPACE);
  const reader = new BroadcastReader();

  /** Its subscriptions are back. What was missed can be read once the other connection is, too. */
  async function comeBack(listener: RoomSourceListener): Promise<void> {
    while (subscriber.ready) {
      const answers = await ping().then(
        () => true,
        () => false,
      );
      if (answers) return listener.gap();
      await sleep(PING_MS);
    }
  }

  /** What is not our event is the adapter's. */
  function* readOurs(messages: ShardMessage[]): Generator<ReceivedEvent> {
    for (const { channel, payload } of messages) {
      const event = reader.read(channel, payload);
      if (event) yield event;
      else subscriber.emit('smessageBuffer', channel, payload);
    }
  }

  return {
    listen(listener) {
      subscriber.on('batch', (messages) => {
        const read = readOurs(messages);
        const events = messages.length > FEW ? mergeEvents(read) : read;
        for (const { room, event, payload, json } of events) listener.event(room, event, payload, json);
      });
      subscriber.on('close', () => listener.lost());
      subscriber.on('ready', () => {
        comeBack(listener).catch((error: unknown) => log.warn({ err: error }, 'a gap was not reported'));
      });
    },
    async subscribe(room) {
      void adapter.addAll(MEMBER, new Set([room]));
      // The adapter subscribes without waiting. Subscribing once more on the same connection is answered after it.
      await subscriber.ssubscribe(roomChannel(room));
    },
    unsubscribe(room) {
      void adapter.del(MEMBER, room);
      reader.forget(roomChannel(room));
    },
    ping: () => subscriber.ping(),
  };
}

/** An event, alone or made of several: then it has to be encoded anew. */
type MergedEvent = Omit<ReceivedEvent, 'json'> & { json: string | undefined };

/** By room, and in it by message: the last delta, to which the next may be added. */
type LastDeltas = Map<string, Map<string, MergedEvent>>;

/** So many messages that arrive together are passed on one by one: the first need not wait for the last to be read. */
const FEW = 16;

/**
 * The same events, in order. Deltas of one message that arrived together, because this process is behind, become one: so it
 * gets less to do the further behind it is.
 */
function mergeEvents(received: Iterable<MergedEvent>): MergedEvent[] {
  const events: MergedEvent[] = [];
  const deltas: LastDeltas = new Map();
  for (const event of received) {
    if (!addToLast(deltas, event)) events.push(event);
  }
  return events;
}

/**
 * Longest delta that is made of several, in UTF-16 code units: each socket of the room has a copy of what is on its way to
 * it, also one that reads nothing.
 */
const MAX_MERGED = 16_384;

/** Adds a delta to the one before it, if nothing else of its room came between them. */
function addToLast(deltas: LastDeltas, received: MergedEvent): boolean {
  const { room, event } = received;
  if (event !== 'message:stream') {
    // A delta behind this event must not get before it.
    deltas.delete(room);
    return false;
  }
  const payload = received.payload as StreamEvent;
  const ofRoom = deltas.get(room) ?? new Map<string, MergedEvent>();
  const last = ofRoom.get(payload.messageId);
  const before = last?.payload as StreamEvent | undefined;
  const fits = before && before.delta.length + payload.delta.length <= MAX_MERGED;
  const merged = fits && mergeDeltas(before, payload);
  if (!last || !merged) {
    deltas.set(room, ofRoom.set(payload.messageId, received));
    return false;
  }
  last.payload = merged;
  last.json = undefined;
  return true;
}
