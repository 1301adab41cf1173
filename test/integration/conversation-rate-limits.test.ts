import { expect } from 'chai';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { SseReader } from '../support/sse-reader.ts';
import { signUp } from '../support/test-user.ts';
import { startWholeApp, type WholeApp } from '../support/whole-app.ts';

describe('the rate limit of the playground and of chats in one call', () => {
  const database = useTestDatabase();
  let app: WholeApp;

  before(async () => {
    const env = {
      RATE_LIMITS: 'on',
      RATE_LIMIT_GENERATION_REQUESTS: '3',
      RATE_LIMIT_GLOBAL_REQUESTS: '1000',
    };
    app = await startWholeApp(database(), { env });
  });
  after(() => app.close());

  it('counts a run of all its lanes once, and neither who comes back nor who repeats', async () => {
    const user = await signUp(app);
    const client = user.at(app);
    const left = (header: unknown) => Number(/"generation";r=(\d+)/.exec(String(header))?.[1]);
    const query = 'prompt=Hi&models=echo,echo,echo&clientMessageId=mine';
    const stream = (headers: Record<string, string> = {}) =>
      SseReader.open({ url: app.url, token: user.token }, { path: `/playground/stream?${query}`, headers });
    const first = await stream();
    expect(left(first.headers.ratelimit)).to.equal(2);
    await first.end();
    await (await stream()).end();
    await (await stream({ 'last-event-id': first.events[0]?.id ?? '' })).end();

    const body = { message: 'Hi' };
    const headers = { 'idempotency-key': 'once' };
    const chat = await client.send('POST', '/chat', body, { headers });
    expect(left(chat.headers.get('ratelimit'))).to.equal(1);
    await client.send('POST', '/chat', body, { headers });
    const third = await client.send('POST', '/playground/sessions', { prompt: 'Hi', models: ['echo'] });
    expect(left(third.headers.get('ratelimit'))).to.equal(0);

    const refused = await client.send('GET', '/playground/stream?prompt=Hi&models=echo');
    expect((await expectProblem(refused, 'rate_limited')).retryAfterSeconds).to.be.above(0);
    await expectProblem(await client.send('POST', '/chat', body), 'rate_limited');
    const again = await client.send('POST', '/chat', body, { headers });
    expect(again.status, 'a repeated one is answered').to.equal(200);
  });
});
