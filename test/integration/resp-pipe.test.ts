import { expect } from 'chai';
import { Redis } from 'ioredis';
import { newId } from '../../src/base/ids.ts';
import { RespPipe } from '../../src/feed/resp-pipe.ts';
import { describeWithRedis, freePort, startRedis, type TestRedis } from '../support/redis.ts';
import { startRelay } from '../support/relay.ts';
import { until } from '../support/until.ts';

const NAME = 'parley-pipe-test';

describeWithRedis('RespPipe', () => {
  let redis: TestRedis;
  let client: Redis;
  const pipes: RespPipe[] = [];
  const errors: Error[] = [];

  before(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
    client.on('error', () => {});
  });
  after(async () => {
    client.disconnect();
    await redis.close();
  });
  afterEach(async () => {
    for (const pipe of pipes.splice(0)) pipe.close();
    errors.length = 0;
    await client.config('SET', 'requirepass', '');
  });

  async function open(url = redis.url, silenceMs = 10_000): Promise<RespPipe> {
    const pipe = await RespPipe.open({ url, name: NAME, onError: (error) => errors.push(error), silenceMs });
    pipes.push(pipe);
    return pipe;
  }

  const failureOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it('answers each caller with its own replies, in order', async () => {
    const pipe = await open();
    const keys = Array.from({ length: 500 }, newId);
    const answers = await Promise.all(
      keys.map((key, index) =>
        pipe.run([
          ['set', key, 'ü'.repeat(index + 1), 'EX', 60],
          ['append', key, 'x'],
        ]),
      ),
    );
    expect(answers).to.deep.equal(keys.map((_, index) => ['OK', 2 * (index + 1) + 1]));
    expect(await client.get(keys[2] ?? '')).to.equal('üüüx');
  });

  it('carries any text, of any length', async () => {
    const pipe = await open();
    const text = `line\r\n$5\r\n*1\u0000 😀 ${'long '.repeat(300_000)}`;
    const key = newId();
    await pipe.run([['set', key, text]]);
    expect(await client.get(key)).to.equal(text);
  });

  it('answers with the error of one command, and goes on', async () => {
    const pipe = await open();
    const [wrong, right] = await pipe.run([
      ['append', 'one word too few'],
      ['publish', newId(), 'x'],
    ]);
    expect(wrong).to.be.an('error');
    expect(right).to.equal(0);
  });

  it('signs in, tells its name, and takes its database', async () => {
    await client.config('SET', 'requirepass', 'secret');
    const authorised = new URL(redis.url);
    authorised.password = 'secret';
    authorised.pathname = '/2';
    const pipe = await open(authorised.href);
    const key = newId();
    await pipe.run([['set', key, 'there']]);
    expect(String(await client.client('LIST'))).to.match(new RegExp(`name=${NAME} .*db=2`));
    expect(await client.get(key)).to.equal(null);
  });

  it('is not opened where there is no Redis, or not with that password', async () => {
    expect(await failureOf(open(`redis://127.0.0.1:${await freePort()}`))).to.be.an('error');
    await client.config('SET', 'requirepass', 'secret');
    const wrong = new URL(redis.url);
    wrong.password = 'wrong';
    expect(await failureOf(open(wrong.href)))
      .to.be.an('error')
      .with.property('message')
      .that.includes('WRONGPASS');
  });

  it('fails what is under way when it is broken off, and comes back by itself', async () => {
    const pipe = await open();
    const clients = String(await client.client('LIST')).split('\n');
    const mine = clients.find((line) => line.includes(`name=${NAME} `)) ?? '';
    await client.client('PAUSE', 5_000, 'WRITE');
    const underWay = failureOf(pipe.run([['set', newId(), 'x']]));
    await client.client('KILL', 'ID', /^id=(\d+)/.exec(mine)?.[1] ?? '');
    expect(await underWay).to.be.an('error');
    expect(errors).to.have.length(1);
    expect(await failureOf(pipe.run([['publish', newId(), 'x']]))).to.be.an('error');
    await client.client('UNPAUSE');
    await until(
      'it is back',
      async () => (await failureOf(pipe.run([['publish', newId(), 'x']]))) === undefined,
    );
  });

  it('notices that nobody answers any more, however much is written meanwhile, and comes back', async () => {
    const relay = await startRelay(Number(new URL(redis.url).port));
    const pipe = await open(`redis://127.0.0.1:${relay.port}`, 300);
    const publish = () => failureOf(pipe.run([['publish', newId(), 'x']]));
    expect(await publish()).to.equal(undefined);
    relay.hold();
    const writing = setInterval(() => void publish(), 10);
    expect(await publish()).to.have.property('message', 'Redis does not answer.');
    expect(errors).to.have.length(1);
    await until('it is back', async () => (await publish()) === undefined);
    clearInterval(writing);
    pipe.close();
    await relay.close();
  });

  it('comes back to a Redis that was away, and stays away once it is closed', async () => {
    const mortal = await startRedis();
    const pipe = await open(mortal.url);
    await mortal.close();
    await until('the loss', () => errors.length > 0);
    const back = await startRedis(Number(new URL(mortal.url).port));
    await until(
      'it is back',
      async () => (await failureOf(pipe.run([['publish', newId(), 'x']]))) === undefined,
    );
    pipe.close();
    pipe.close();
    expect(await failureOf(pipe.run([['publish', newId(), 'x']]))).to.be.an('error');
    await back.close();
  });
});
