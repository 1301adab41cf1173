import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import type { Logger } from '../base/logger.ts';
import { connectRedis, disconnectRedis } from '../base/redis.ts';
import type { ControlBus } from './ports.ts';

const CHANNEL = 'parley:control';

/** The control bus over one plain Redis channel. `commands` publishes; a connection of its own listens. */
export async function createRedisControlBus(
  url: string,
  commands: Redis,
  log: Logger,
): Promise<{ bus: ControlBus; close: () => void }> {
  const topics = new EventEmitter();
  topics.setMaxListeners(0);
  const subscriber = await connectRedis(url, { name: 'control', kind: 'subscriber' }, log);
  subscriber.on('message', (_channel, message) => {
    try {
      const { topic, payload } = JSON.parse(message) as { topic: string; payload: unknown };
      topics.emit(topic, payload);
    } catch (error) {
      // Others may publish here: another version of ours, whoever else has this Redis. No listener is to end the process.
      log.warn({ err: error }, 'a message of the control channel was not understood');
    }
  });
  await subscriber.subscribe(CHANNEL);
  return {
    bus: {
      async publish(topic, payload) {
        await commands.publish(CHANNEL, JSON.stringify({ topic, payload }));
      },
      subscribe(topic, listener) {
        topics.on(topic, listener);
        return () => topics.off(topic, listener);
      },
    },
    close: () => disconnectRedis(subscriber),
  };
}
