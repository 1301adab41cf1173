import { setTimeout as sleep } from 'node:timers/promises';
import { createShardedAdapter } from '@socket.io/redis-adapter';
import type { Redis } from 'ioredis';
import type { Server } from 'socket.io';
import type { Logger } from '../base/logger.ts';
import { CHAT_NAMESPACE, type RoomEvents } from '../contracts/events.ts';
import { CHANNEL_PREFIX, decodeBroadcast, roomChannel } from '../feed/broadcast.ts';
import type { MemoryFeed } from '../feed/memory.ts';
import type { RoomSource, RoomSourceListener } from './room-hub.ts';

/** Rooms of a single process. */
export function memoryRoomSource(feed: MemoryFeed): RoomSource {
  return {
    listen: (listener) => void feed.listen((room, event, payload) => listener.event(room, event, payload)),
    subscribe: async () => {},
    unsubscribe: () => {},
  };
}

/** The member of every room that this process has readers in. */
const MEMBER = 'hub';

/** Connections of the sharded adapter: a subscriber cannot publish. */
export interface AdapterConnections {
  publisher: Redis;
  subscriber: Redis;
  /** Whether live texts can be read: they have a connection of their own. @throws when they cannot */
  ping: () => Promise<void>;
}

/** Between two questions whether live texts can be read again, in milliseconds. */
const PING_MS = 50;

/**
 * Rooms through Redis, by the sharded Socket.IO adapter in dynamic mode: a room with a member has a channel of its
 * own, so that this process receives only the rooms it has. The hub is that member; the adapter's broadcasts are
 * handed to it instead of to the sockets, since each socket's catching up and slowness is its reader's business.
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
  const rooms = new Set<string>();

  // The adapter subscribes without waiting. Subscribing once more on the same connection is answered after it.
  const subscribed = (room: string) => subscriber.ssubscribe(roomChannel(room));

  /** The connection is back. What was missed can be read once the other one is, too: they come back one by one. */
  async function comeBack(listener: RoomSourceListener): Promise<void> {
    await Promise.all([...rooms].map(subscribed));
    while (subscriber.status === 'ready') {
      const answers = await ping().then(
        () => true,
        () => false,
      );
      if (answers) return listener.gap();
      await sleep(PING_MS);
    }
  }

  return {
    listen(listener) {
      takeEvents(adapter, listener);
      subscriber.on('close', () => listener.lost());
      subscriber.on('ready', () => {
        comeBack(listener).catch((error: unknown) =>
          log.warn({ err: error }, 'rooms were not subscribed again'),
        );
      });
    },
    async subscribe(room) {
      rooms.add(room);
      void adapter.addAll(MEMBER, new Set([room]));
      await subscribed(room);
    },
    unsubscribe(room) {
      rooms.delete(room);
      void adapter.del(MEMBER, room);
    },
  };
}

/** The part of the sharded adapter through which everything from Redis comes. */
interface RawReceiver {
  onRawMessage(raw: Buffer, channel: Buffer): void;
}

/** Hands our events to the listener; everything else that comes from Redis stays with the adapter. */
function takeEvents(adapter: object, listener: RoomSourceListener): void {
  const target = adapter as RawReceiver;
  const others = target.onRawMessage.bind(target);
  target.onRawMessage = (raw, channel) => {
    const received = decodeBroadcast(raw.toString());
    if (!received) return others(raw, channel);
    const { room, event, payloadJson } = received;
    listener.event(room, event, JSON.parse(payloadJson) as RoomEvents[typeof event], payloadJson);
  };
}
