import { expect } from 'chai';
import type { StartedRun } from '../../src/contracts/playground.ts';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type ProviderApp, startProviderApp } from '../support/provider-app.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { ReplyTexts } from '../support/reply-texts.ts';
import { SseReader } from '../support/sse-reader.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { words } from '../support/words.ts';

const { begin, text: say, end } = openAiWire;

describe('the stream of a playground', () => {
  const database = useTestDatabase();
  let world: ProviderApp;
  let app: ProviderApp['app'];
  let provider: ProviderApp['provider'];
  let user: TestUser;

  before(async () => {
    world = await startProviderApp(database(), {
      PROVIDER_IDLE_TIMEOUT_MS: '4000',
      WELCOME_CREDITS: '100000',
    });
    ({ app, provider } = world);
  });
  after(() => world.close());
  beforeEach(async () => {
    provider.clear();
    user = await signUp(app);
  });

  const stream = (query: Record<string, string>, lastEventId?: string) =>
    SseReader.open(
      { url: app.url, token: user.token },
      {
        path: `/playground/stream?${new URLSearchParams(query)}`,
        ...(lastEventId !== undefined && { headers: { 'last-event-id': lastEventId } }),
      },
    );
  const textsOf = (...readers: SseReader[]) => {
    const texts = new ReplyTexts();
    for (const { events } of readers) for (const event of events) texts.take(event);
    return texts;
  };

  it('is the run, what each lane writes, the end of each and the end of all; the same model twice is two lanes', async () => {
    const prompt = words(60);
    const reader = await stream({ prompt, models: 'echo,echo' });
    await reader.end();
    expect(reader.names[0]).to.equal('session');
    expect(reader.names.at(-1)).to.equal('end');
    const [{ session, message, lanes }] = reader.of('session') as [StartedRun];
    expect(session).to.include({ kind: 'playground', model: 'echo' });
    expect(message).to.include({ role: 'user', content: prompt });
    expect(lanes.map(({ lane, model, status }) => ({ lane, model, status }))).to.deep.equal([
      { lane: 0, model: 'echo', status: 'queued' },
      { lane: 1, model: 'echo', status: 'queued' },
    ]);
    const texts = textsOf(reader);
    expect(texts.faults).to.deep.equal([]);
    for (const { lane, messageId } of lanes) {
      expect(texts.copies.get(messageId)?.text).to.equal(prompt);
      const [done] = reader.of('done').filter((each) => each.lane === lane);
      expect(done).to.deep.include({
        model: 'echo',
        messageId,
        attempt: 1,
        status: 'completed',
        text: prompt,
      });
      expect(done).to.deep.include({ finishReason: 'stop', error: null, credits: 1.2 });
      expect(done.usage).to.include({ inputTokens: 60, outputTokens: 60, totalTokens: 120 });
      expect(done.responseTimeMs).to.be.within(1, 10_000);
    }
    const slowest = Math.max(...reader.of('done').map(({ responseTimeMs }) => responseTimeMs));
    expect(reader.of('end')).to.deep.equal([
      {
        sessionId: session.id,
        status: 'completed',
        totalCost: { usd: 0, inr: 0 },
        totalTokens: 240,
        totalCredits: 2.4,
        responseTimeMs: slowest,
      },
    ]);
    await expectInvariants(database());
  });

  it('keeps lanes apart: one fails, one stalls, one is stopped, one is slow, and the others do not notice', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    provider.answer({ model: 'gpt-4.1', status: 400, steps: ['{"error":{"message":"no","code":"x"}}'] });
    provider.answer({ model: 'gpt-4o', steps: [begin, say('It stalls'), 'stall'] });
    provider.answer({ model: 'gpt-4.1-mini', steps: [begin, say('It is to be stopped'), released, 'stall'] });
    // Alive, but slow: below the longest silence, again and again.
    const pieces = ['It ', 'takes ', 'its ', 'time'];
    const slowly = pieces.flatMap((word) => [say(word), { pauseMs: 600 }]);
    provider.answer({ model: 'gpt-4.1-nano', steps: [begin, ...slowly, released, say('.'), end()] });
    const models = ['gpt-4.1', 'gpt-4o', 'gpt-4.1-mini', 'gpt-4.1-nano'].map((name) => `openai/${name}`);
    const reader = await stream({ prompt: 'Go on, all of you', models: [...models, 'echo'].join(',') });
    const doneOf = (lane: number) => reader.of('done').find((done) => done.lane === lane);

    await reader.until('the quick ones', () => doneOf(0) && doneOf(4));
    expect(doneOf(0)).to.deep.include({ status: 'failed', text: '', credits: 0 });
    expect(doneOf(0).error.code).to.equal('bad_request');
    expect(doneOf(4)).to.deep.include({ status: 'completed', text: 'Go on, all of you' });
    const quick = reader.of('done').slice(0, 2);
    expect(
      quick.map(({ lane }) => lane),
      'they waited for nobody',
    ).to.have.members([0, 4]);

    await reader.until('the text', () => reader.of('delta').some(({ lane }) => lane === 2));
    const lanes = (reader.of('session') as [StartedRun])[0].lanes;
    await user.at(app).post(`/messages/${lanes[2]?.messageId}/stop`);
    await reader.until('the stop', () => doneOf(2));
    expect(doneOf(2)).to.deep.include({ status: 'cancelled', text: 'It is to be stopped', error: null });

    await reader.until('the end of the one that stalls', () => doneOf(1));
    expect(doneOf(1)).to.deep.include({ status: 'failed', text: 'It stalls' });
    expect(doneOf(1).error.code).to.equal('interrupted');
    expect(doneOf(3), 'the slow one writes on').to.equal(undefined);
    for (const lane of [0, 4]) expect(doneOf(lane).responseTimeMs).to.be.below(doneOf(1).responseTimeMs);
    release();
    await reader.end();
    expect(doneOf(3)).to.deep.include({ status: 'completed', text: 'It takes its time.' });
    expect(reader.of('end')[0].status).to.equal('partial');
    expect(textsOf(reader).faults).to.deep.equal([]);

    // Each is charged by itself.
    const charged = await rows<{ lane: number; charge: string | null }>(
      database().db,
      `SELECT g.lane, -l.amount AS charge FROM generations g LEFT JOIN ledger_entries l ON l.generation_id = g.id
        WHERE g.user_id = $1 ORDER BY g.lane`,
      [user.id],
    );
    expect(charged.map(({ charge }) => charge !== null)).to.deep.equal([false, true, true, true, true]);
    for (const { lane, charge } of charged) expect(Number(charge)).to.equal(doneOf(lane).credits);
    await expectInvariants(database());
  });

  it('goes on where it was cut, each lane where it was, and never asks again', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    for (const model of ['gpt-4.1', 'gpt-4o']) {
      provider.answer({ model, steps: [begin, say(`${model} 1 `), released, say(`${model} 2`), end()] });
    }
    const query = { prompt: 'Both', models: 'openai/gpt-4.1,openai/gpt-4o' };
    const first = await stream(query);
    await first.until('a piece of each', () => first.of('delta').length === 2);
    first.cut();
    const second = await stream(query, first.lastEventId);
    expect(second.status).to.equal(200);
    release();
    await second.end();
    expect(second.names[0]).to.equal('delta');
    const texts = textsOf(first, second);
    expect(texts.faults).to.deep.equal([]);
    expect([...texts.copies.values()].map(({ text }) => text)).to.have.members([
      'gpt-4.1 1 gpt-4.1 2',
      'gpt-4o 1 gpt-4o 2',
    ]);
    expect(provider.requests).to.have.length(2);

    // After the last `done` only the end of all is left, and after that nothing: an EventSource stops at 204.
    const last = second.events.findLast(({ event }) => event === 'done');
    const third = await stream({ after: last?.id ?? '' });
    await third.end();
    expect(third.events.map(({ event }) => event)).to.deep.equal(['end']);
    expect(third.events[0]?.data).to.deep.equal(second.of('end')[0]);
    const fourth = await stream(query, third.lastEventId);
    expect(fourth.status).to.equal(204);
    expect(provider.requests).to.have.length(2);
  });

  it('is the same run for whoever comes back before the first event, by its clientMessageId', async () => {
    const query = { prompt: words(30), models: 'echo,echo', clientMessageId: 'mine' };
    const [one, two] = await Promise.all([stream(query), stream(query)]);
    await Promise.all([one.end(), two.end()]);
    const three = await stream(query);
    await three.end();
    expect(two.of('session')).to.deep.equal(one.of('session'));
    expect(three.of('session')).to.deep.equal(one.of('session'));
    expect(textsOf(three).faults).to.deep.equal([]);
    const counted = await rows(database().db, 'SELECT id FROM generations WHERE user_id = $1', [user.id]);
    expect(counted).to.have.length(2);
    const posted = await user
      .at(app)
      .post<StartedRun>('/playground/sessions', { ...query, models: ['echo', 'echo'] });
    expect(posted.lanes, 'also without a stream').to.deep.equal(one.of('session')[0].lanes);
    const other = await stream({ ...query, prompt: 'Else' });
    expect((await other.problem()).code).to.equal('idempotency_key_reused');
  });

  it('can be opened with a ticket, and ends for each lane that is deleted', async () => {
    const { ticket } = await user.at(app).post<{ ticket: string }>('/auth/stream-ticket');
    provider.answer({ model: 'gpt-4.1', steps: [begin, say('Long'), 'stall'] });
    const path = `/playground/stream?${new URLSearchParams({ ticket, prompt: 'Hi', models: 'openai/gpt-4.1,echo' })}`;
    const reader = await SseReader.open({ url: app.url }, { path });
    await reader.until('the text', () => reader.of('delta').some(({ lane }) => lane === 0));
    const { lanes } = reader.of('session')[0] as StartedRun;
    await user.at(app).delete(`/messages/${lanes[0]?.messageId}`);
    await reader.end();
    // Deleting stops it first, and its end may be told before it is gone.
    expect(reader.of('gone').length + reader.of('done').length).to.equal(2);
    const used = await SseReader.open({ url: app.url }, { path });
    expect(used.status).to.equal(401);
  });

  it('ends with how all lanes have ended and what they took, those among them that were deleted', async () => {
    const models = ['openai/gpt-4.1', 'openai/gpt-4o', 'echo'];
    for (const model of ['gpt-4.1', 'gpt-4o']) {
      provider.answer({ model, steps: [begin, say('Long '), say('enough to be charged'), 'stall'] });
    }
    const reader = await stream({ prompt: 'Hi there', models: models.join(',') });
    const has = (lane: number, event: string) => reader.of(event).some((each) => each.lane === lane);
    await reader.until('the texts', () => has(0, 'delta') && has(1, 'delta') && has(2, 'done'));
    const { lanes, session } = reader.of('session')[0] as StartedRun;
    const remove = (lane: number) => user.at(app).delete(`/messages/${lanes[lane]?.messageId}`);
    await remove(0);
    await reader.until('the first end', () => has(0, 'gone') || has(0, 'done'));
    const back = reader.lastEventId ?? '';
    await remove(1);
    await reader.end();

    const sums = await rows<{ status: string; tokens: number; credits: string }>(
      database().db,
      `SELECT status, input_tokens + output_tokens AS tokens, credits FROM generations WHERE session_id = $1 ORDER BY lane`,
      [session.id],
    );
    expect(sums.map(({ status }) => status)).to.deep.equal(['cancelled', 'cancelled', 'completed']);
    for (const { tokens, credits } of sums)
      expect([tokens > 0, Number(credits) > 0]).to.deep.equal([true, true]);
    const [end] = reader.of('end');
    expect(end).to.include({ sessionId: session.id, status: 'partial' });
    expect(end.totalTokens).to.equal(sums.reduce((sum, { tokens }) => sum + tokens, 0));
    expect(end.totalCredits).to.be.closeTo(
      sums.reduce((sum, { credits }) => sum + Number(credits), 0),
      1e-6,
    );
    const charged = await rows<{ credits: string }>(
      database().db,
      `SELECT -sum(amount) AS credits FROM ledger_entries WHERE user_id = $1 AND kind = 'charge'`,
      [user.id],
    );
    expect(end.totalCredits).to.equal(Number(charged[0]?.credits));

    const resumed = await stream({ after: back });
    await resumed.end();
    expect(resumed.of('end')).to.deep.equal([end]);
  });

  it('ends when the run is deleted', async () => {
    provider.answer({ model: 'gpt-4.1', steps: [begin, say('Long'), 'stall'] });
    const reader = await stream({ prompt: 'Hi', models: 'openai/gpt-4.1,echo' });
    await reader.until('the text', () => reader.of('delta').some(({ lane }) => lane === 0));
    const { session } = reader.of('session')[0] as StartedRun;
    await user.at(app).delete(`/playground/sessions/${session.id}`);
    await reader.end();
    expect(reader.names.at(-1)).to.equal('end');
    // Its worker may have been quick enough to end it before it was deleted.
    expect(reader.of('gone').length + reader.of('done').length).to.equal(2);
  });

  it('of a run that was deleted, or is another’s, is not there', async () => {
    const reader = await stream({ prompt: 'Hi', models: 'echo' });
    await reader.end();
    const { session } = reader.of('session')[0] as StartedRun;
    const id = reader.events[0]?.id ?? '';
    const stranger = await signUp(app);
    const theirs = await SseReader.open(
      { url: app.url, token: stranger.token },
      { path: `/playground/stream?after=${id}` },
    );
    expect((await theirs.problem()).code).to.equal('not_found');
    await user.at(app).delete(`/playground/sessions/${session.id}`);
    expect((await (await stream({ after: id })).problem()).code).to.equal('not_found');
    // Nor is that of a conversation.
    const chat = await user.at(app).newSession();
    const { replies } = await user.at(app).say(chat.id, 'Hi');
    const ofChat = await stream({ after: `${replies[0]?.id}:1:0` });
    expect((await ofChat.problem()).code).to.equal('not_found');
  });

  it('is by its clientMessageId the run that was deleted, of which nothing is left', async () => {
    const query = { prompt: 'Hi', models: 'echo,echo', clientMessageId: 'mine' };
    const first = await stream(query);
    await first.end();
    const { session } = first.of('session')[0] as StartedRun;
    await user.at(app).delete(`/playground/sessions/${session.id}`);
    const again = await stream(query);
    await again.end();
    expect(again.names).to.deep.equal(['session', 'gone', 'end']);
    expect(again.of('gone').map(({ lane }) => lane)).to.have.members([0, 1]);
    expect(again.of('session')).to.deep.equal(first.of('session'));
    // What it took stays, and how it ended.
    expect(again.of('end')).to.deep.equal(first.of('end'));
    const counted = await rows(database().db, 'SELECT id FROM generations WHERE user_id = $1', [user.id]);
    expect(counted).to.have.length(2);
  });

  it('goes on without whoever leaves', async () => {
    const reader = await stream({ prompt: words(200), models: 'echo' });
    await reader.until('a beginning', () => reader.of('delta').length > 0);
    reader.cut();
    const { session } = reader.of('session')[0] as StartedRun;
    const run = () => user.at(app).get<{ status: string }>(`/playground/sessions/${session.id}`);
    await until('the end', async () => (await run()).status === 'completed');
  });

  it('can be followed over Socket.IO as well', async () => {
    const { session, lanes, message } = await user
      .at(app)
      .post<StartedRun>('/playground/sessions', { prompt: words(40), models: ['echo', 'echo', 'echo'] });
    const client = await ChatClient.joined(user, app, session.id);
    const ids = lanes.map(({ messageId }) => messageId);
    // Of lanes that had ended before it joined, a client reads over HTTP.
    const { data } = await user.at(app).get<{ data: never[] }>(`/messages/${session.id}`);
    for (const each of data) client.transcript.read(each);
    await client.done(ids);
    for (const id of ids) expect(client.transcript.text(id)).to.equal(message.content);
    expect(client.transcript.faults).to.deep.equal([]);
    client.cut();
  });
});
