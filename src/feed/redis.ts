import type { Redis } from 'ioredis';
import type { Logger } from '../base/logger.ts';
import { connectRedis, disconnectRedis } from '../base/redis.ts';
import { encodeBroadcast, roomChannel } from './broadcast.ts';
import { answerOf } from './broker-away.ts';
import { insureRateLimits } from './insured-rate-limits.ts';
import { createMemoryRateLimits } from './memory-rate-limits.ts';
import type { Feed, TicketStore } from './ports.ts';
import { createRedisControlBus } from './redis-control-bus.ts';
import { createRedisHealth } from './redis-health.ts';
import { createRedisLiveTexts } from './redis-live-texts.ts';
import { createRedisRateLimits } from './redis-rate-limits.ts';
import { RespPipe } from './resp-pipe.ts';

/**
 * The feed of many processes, over Redis 7.
 *
 * @throws when Redis cannot be reached
 */
export async function openRedisFeed(url: string, log: Logger): Promise<Feed> {
  const commands = await connectRedis(url, { name: 'feed', kind: 'command' }, log);
  const control = await createRedisControlBus(url, commands, log);
  const onError = (error: Error) => log.warn({ err: error, connection: 'deltas' }, 'redis connection failed');
  const pipe = await RespPipe.open({ url, name: 'parley-deltas', onError });
  return {
    rooms: {
      async publish(room, event, payload) {
        writeTogether(commands);
        await commands.spublish(roomChannel(room), encodeBroadcast(room, event, JSON.stringify(payload)));
      },
    },
    live: createRedisLiveTexts(commands, pipe),
    control: control.bus,
    tickets: createTicketStore(commands),
    health: createRedisHealth(commands),
    rateLimits: insureRateLimits(createRedisRateLimits(commands), createMemoryRateLimits(), log),
    async ping() {
      // Each connection comes back for itself, and neither is enough.
      await Promise.all([commands.ping(), pipe.run([['PING']])]);
    },
    async close() {
      control.close();
      pipe.close();
      disconnectRedis(commands);
    },
  };
}

/**
 * What is published at once leaves in one write: each is a system call, and whoever posts a turn publishes three times. It
 * leaves before anything that is asked for afterwards on another connection, such as the job of a reply.
 */
function writeTogether({ stream }: Redis): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  queueMicrotask(() => stream.uncork());
}

function createTicketStore(redis: Redis): TicketStore {
  const keyOf = (key: string) => `parley:ticket:${key}`;
  return {
    async put(key, value, ttlMs) {
      await answerOf(redis.set(keyOf(key), value, 'PX', ttlMs));
    },
    take: (key) => answerOf(redis.getdel(keyOf(key))),
  };
}
