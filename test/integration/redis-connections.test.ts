import { Worker } from 'bullmq';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { newId } from '../../src/base/ids.ts';
import { connectRedis, disconnectRedis } from '../../src/base/redis.ts';
import { openQueue } from '../../src/queue/queue-backend.ts';
import { silentLog } from '../support/global.ts';
import { describeWithRedis, redisUrl } from '../support/redis.ts';
import { type Relay, startRelay } from '../support/relay.ts';
import { until } from '../support/until.ts';

describeWithRedis('a connection to Redis that is dead, though nobody says so,', () => {
  let relay: Relay;
  let relayed: string;
  const closing: (() => unknown)[] = [];

  beforeEach(async () => {
    relay = await startRelay(Number(new URL(await redisUrl()).port));
    relayed = `redis://127.0.0.1:${relay.port}`;
    closing.push(() => relay.close());
  });
  afterEach(async () => {
    for (let close = closing.pop(); close; close = closing.pop()) await close();
  });

  async function connect(kind: 'command' | 'subscriber', silenceMs: number): Promise<Redis> {
    const redis = await connectRedis(relayed, { name: 'test', kind, silenceMs }, silentLog);
    closing.push(() => disconnectRedis(redis));
    return redis;
  }

  it('of somebody who only listens, is made anew, with its subscriptions', async () => {
    const [channel, listener, speaker] = [
      newId(),
      await connect('subscriber', 300),
      new Redis(await redisUrl()),
    ];
    closing.push(() => speaker.disconnect());
    const heard: string[] = [];
    listener.on('message', (_, message) => void heard.push(message));
    await listener.subscribe(channel);
    relay.holdAnswers();
    await speaker.publish(channel, 'lost');
    await until('a message', async () => {
      await speaker.publish(channel, 'heard');
      return heard.length > 0;
    });
    expect(heard).not.to.include('lost');
  });

  it('of somebody who asks, fails what was asked, and is made anew', async () => {
    const asker = await connect('command', 300);
    relay.hold();
    const error = await asker.ping().catch((reason: unknown) => reason);
    expect(error).to.be.an('error');
    await until('it is back', async () => (await asker.ping().catch(() => '')) === 'PONG');
  });

  it('of a worker, is made anew, and the worker takes jobs again', async () => {
    const name = newId();
    const { instance: queue, disconnect } = await openQueue(
      { kind: 'redis', url: await redisUrl() },
      name,
      {},
      silentLog,
    );
    closing.push(() => queue.close().finally(disconnect));
    const done: string[] = [];
    const worker = new Worker(name, async (job) => void done.push(job.name), {
      connection: await connect('subscriber', 2_000),
      drainDelay: 1,
    });
    worker.on('error', () => {});
    closing.push(() => worker.close());
    await queue.add('before', {});
    await until('the first', () => done.length === 1);
    relay.hold();
    await queue.add('after', {});
    await until('the second', () => done.length === 2, 10_000);
  });
});
