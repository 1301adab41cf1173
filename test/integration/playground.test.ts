import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { OpenRun, Run, StartedRun } from '../../src/contracts/playground.ts';
import type { ChatAnswer } from '../../src/contracts/routes/chat.ts';
import type { Session } from '../../src/contracts/session.ts';
import { rows } from '../../src/data/database.ts';
import { BAD_CURSORS } from '../support/bad-cursors.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type ProviderApp, startProviderApp } from '../support/provider-app.ts';
import { openAiWire } from '../support/provider-wires.ts';
import type { Listed, RestClient } from '../support/rest-client.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { words } from '../support/words.ts';
import { expectNothingWritten } from '../support/written.ts';

const { begin, text: say, end } = openAiWire;
const EIGHT = Array.from({ length: 8 }, () => 'echo');

describe('runs of the playground', () => {
  const database = useTestDatabase();
  let world: ProviderApp;
  let app: ProviderApp['app'];
  let provider: ProviderApp['provider'];
  let user: TestUser;
  let client: RestClient;

  before(async () => {
    world = await startProviderApp(database(), {
      // Enough for seven lanes that ask one token: 1.01 each.
      WELCOME_CREDITS: '8',
    });
    ({ app, provider } = world);
  });
  after(() => world.close());
  beforeEach(async () => {
    provider.clear();
    user = await signUp(app);
    client = user.at(app);
  });

  const start = (body: object) => client.post<StartedRun>('/playground/sessions', body);
  const open = (id: string) => client.get<OpenRun>(`/playground/sessions/${id}`);
  const ended = async (id: string) => {
    await until('the end', async () => (await open(id)).status !== 'running');
    return open(id);
  };
  const give = (amount: number) =>
    app.admin.json('PUT', '/v1/balance', { userId: user.id, amount, reason: 'for a test' });

  describe('that are started', () => {
    it('are a session with the prompt and a reply of each lane, told to all devices', async () => {
      const device = new ChatClient(user);
      await device.connect(app);
      const { session, message, lanes } = await start({ prompt: 'Hello there', models: ['echo', 'echo'] });
      expect(session).to.deep.include({ kind: 'playground', title: 'Hello there', model: 'echo' });
      expect(message).to.include({ content: 'Hello there', parentId: null, role: 'user' });
      expect(lanes.map(({ lane }) => lane)).to.deep.equal([0, 1]);
      await device.until('the session', () => device.userEvents.some(({ event }) => event === 'session:new'));
      device.cut();
      await ended(session.id);
      // It is no conversation: it stands in its own list alone, and what is said in it goes through its own door.
      const { data: chats } = await client.get<Listed<Session>>('/sessions');
      expect(chats).to.deep.equal([]);
      await client.refused('not_found', ['GET', `/chat/sessions/${session.id}`]);
      const talk = { sessionId: session.id, content: 'Hi' };
      await client.refused('validation_failed', ['POST', '/messages', talk], ['body.sessionId']);
      await client.refused('conflict', ['POST', `/messages/${lanes[0]?.messageId}/regenerate`]);
    });

    it('are refused as a whole where the credits are for seven lanes of eight', async () => {
      await expectNothingWritten(database(), user.id, async () => {
        await client.refused('insufficient_credits', [
          'POST',
          '/playground/sessions',
          { prompt: 'Hi', models: EIGHT },
        ]);
      });
      const { lanes, session } = await start({ prompt: 'Hi', models: EIGHT.slice(1) });
      expect(lanes).to.have.length(7);
      await ended(session.id);
      await expectInvariants(database());
    });

    it('may have more lanes than may run at once, while nothing runs; beside something they may not', async () => {
      await give(100);
      const { session } = await start({ prompt: 'Hi', models: EIGHT });
      await ended(session.id);
      provider.answer({ steps: [begin, 'stall'] });
      const { lanes } = await start({ prompt: 'Hi', models: ['openai/gpt-4.1-nano'] });
      await expectNothingWritten(database(), user.id, async () => {
        const many = { prompt: 'Hi', models: EIGHT.slice(0, 5) };
        await client.refused('too_many_generations', ['POST', '/playground/sessions', many]);
      });
      await client.post(`/messages/${lanes[0]?.messageId}/stop`);
      await ended(
        lanes[0] ? ((await client.get<Listed<Run>>('/playground/sessions')).data[0]?.id ?? '') : '',
      );
    });

    it('are one run for a key and a clientMessageId, with either of them', async () => {
      const [headers, clientMessageId] = [{ 'idempotency-key': crypto.randomUUID() }, 'mine'];
      const body = { prompt: 'Once', models: ['echo', 'echo'] };
      const { session, lanes } = await start({ ...body, clientMessageId });
      for (const again of [{ ...body, clientMessageId }, body]) {
        const answer = await client.send('POST', '/playground/sessions', again, { headers });
        expect(((await answer.json()) as StartedRun).lanes).to.deep.equal(lanes);
      }
      await ended(session.id);
    });

    it('are one run for one key, however often and however many at once', async () => {
      const body = { prompt: 'Once', models: ['echo', 'echo'] };
      const headers = { 'idempotency-key': crypto.randomUUID() };
      const answers = await Promise.all(
        Array.from({ length: 8 }, async () => {
          const answer = await client.send('POST', '/playground/sessions', body, { headers });
          return ((await answer.json()) as StartedRun).lanes;
        }),
      );
      for (const lanes of answers) expect(lanes).to.deep.equal(answers[0]);
      expect((await client.get<Listed<Run>>('/playground/sessions')).data).to.have.length(1);
    });

    const refused: [string, object, string, string[]][] = [
      ['nine lanes', { prompt: 'Hi', models: [...EIGHT, 'echo'] }, 'validation_failed', ['body.models']],
      ['no lane', { prompt: 'Hi', models: [] }, 'validation_failed', ['body.models']],
      ['no models', { prompt: 'Hi' }, 'validation_failed', ['body.models']],
      ['models that are no list', { prompt: 'Hi', models: 'echo' }, 'validation_failed', ['body.models']],
      [
        'an unknown model',
        { prompt: 'Hi', models: ['echo', 'no/such'] },
        'model_not_available',
        ['body.models.1'],
      ],
      ['an empty prompt', { prompt: '', models: ['echo'] }, 'validation_failed', ['body.prompt']],
      ['a blank prompt', { prompt: ' \n', models: ['echo'] }, 'validation_failed', ['body.prompt']],
      ['no prompt', { models: ['echo'] }, 'validation_failed', ['body.prompt']],
      ['what is no field', { prompt: 'Hi', models: ['echo'], n: 1 }, 'validation_failed', ['body.n']],
      [
        'settings that a lane does not take',
        { prompt: 'Hi', models: ['echo', 'openai/gpt-4o'], settings: { maxTokens: 1_000_000 } },
        'validation_failed',
        ['body.settings.maxTokens'],
      ],
    ];
    for (const [what, body, code, paths] of refused) {
      it(`are refused with ${what}, and nothing is written`, async () => {
        await expectNothingWritten(database(), user.id, async () => {
          await client.refused(code as never, ['POST', '/playground/sessions', body], paths);
        });
      });
    }

    it('are refused by the stream in the words of its query', async () => {
      const queries: [string, string, string[]][] = [
        [`prompt=Hi&models=${[...EIGHT, 'echo']}`, 'validation_failed', ['query.models']],
        ['prompt=Hi&models=', 'validation_failed', ['query.models.0']],
        ['prompt=Hi&models=echo,,echo', 'validation_failed', ['query.models.1']],
        ['prompt=Hi&models=echo,no/such', 'model_not_available', ['query.models.1']],
        ['prompt=Hi', 'validation_failed', ['query.models']],
        ['prompt=&models=echo', 'validation_failed', ['query.prompt']],
        ['prompt=%20&models=echo', 'validation_failed', ['query.prompt']],
        ['models=echo', 'validation_failed', ['query.prompt']],
        ['prompt=Hi&models=echo&after=nonsense', 'validation_failed', ['query.after']],
      ];
      await expectNothingWritten(database(), user.id, async () => {
        for (const [query, code, paths] of queries) {
          await client.refused(code as never, ['GET', `/playground/stream?${query}`], paths);
        }
      });
    });

    it('are not started by HEAD, or by what is too large', async () => {
      await expectNothingWritten(database(), user.id, async () => {
        const head = await client.send('HEAD', '/playground/stream?prompt=Hi&models=echo');
        expect(head.status).to.equal(200);
        expect((await client.send('HEAD', '/playground/stream?prompt=&models=echo')).status).to.equal(400);
        const large = { prompt: 'x'.repeat(10 * 1024 * 1024), models: ['echo'] };
        await client.refused('payload_too_large', ['POST', '/playground/sessions', large]);
      });
    });
  });

  describe('that go on', () => {
    const turnsOf = (index: number) =>
      ((provider.requests[index]?.body.messages ?? []) as { role: string; content: string }[]).map(
        ({ role, content }) => `${role}: ${content}`,
      );

    it('ask the same models again, each with its own history and nothing of the others', async () => {
      await give(1_000);
      const models = ['openai/gpt-4.1', 'openai/gpt-4.1', 'echo'];
      // Two lanes of one model: which of them asks first does not matter.
      for (const answer of ['One', 'Two']) {
        provider.answer({ model: 'gpt-4.1', steps: [begin, say(answer), end()] });
      }
      const settings = { systemPrompt: 'Be brief', temperature: 0.5 };
      const { session } = await start({ prompt: 'First?', models, settings });
      const first = await ended(session.id);
      for (const answer of ['Three', 'Four']) {
        provider.answer({ model: 'gpt-4.1', steps: [begin, say(answer), end()] });
      }
      const again = await start({ prompt: 'Second?', sessionId: session.id, settings: { temperature: 1 } });
      expect(again.session.id).to.equal(session.id);
      expect(again.lanes.map(({ model }) => model)).to.deep.equal(models);
      const second = await ended(session.id);

      const answers = first.conversations.slice(0, 2).map(({ response }) => response);
      expect(answers).to.have.members(['One', 'Two']);
      expect([turnsOf(2), turnsOf(3)]).to.have.deep.members(
        answers.map((answer) => [
          'system: Be brief',
          'user: First?',
          `assistant: ${answer}`,
          'user: Second?',
        ]),
      );
      expect(provider.requests.map(({ body }) => body.temperature)).to.deep.equal([0.5, 0.5, 1, 1]);
      expect(second.settings, 'for that prompt alone').to.deep.equal(settings);
      expect(second.conversations).to.have.length(6);
      expect(second.conversations.slice(0, 3)).to.deep.equal(first.conversations);
      expect(
        second.conversations.slice(3).map(({ userPrompt, lane }) => `${lane} ${userPrompt}`),
      ).to.deep.equal(['0 Second?', '1 Second?', '2 Second?']);
      await expectInvariants(database());
    });

    it('go on behind a reply that took more tokens than an integer of the database holds', async () => {
      await give(1_000_000);
      const { session, lanes } = await start({ prompt: 'First?', models: ['echo'] });
      await ended(session.id);
      const sql = `UPDATE generations SET input_tokens = 1200000000, output_tokens = 1200000000
         WHERE message_id = $1 RETURNING id`;
      await rows(database().db, sql, [lanes[0]?.messageId]);
      const again = await start({ prompt: 'Second?', sessionId: session.id });
      expect(again.lanes.map(({ model }) => model)).to.deep.equal(['echo']);
      await ended(session.id);
    });

    it('are refused with other models, and in what is no run of theirs', async () => {
      const { session } = await start({ prompt: 'Hi', models: ['echo', 'echo'] });
      await ended(session.id);
      const on = { prompt: 'On', sessionId: session.id };
      const path = '/playground/sessions';
      for (const models of [['echo'], ['echo', 'echo', 'echo'], ['echo', 'openai/gpt-4.1']]) {
        await client.refused('validation_failed', ['POST', path, { ...on, models }], ['body.models']);
      }
      const same = await start({ ...on, models: ['echo', 'echo'] });
      expect(same.session.id).to.equal(session.id);
      await ended(session.id);
      const chat = await client.newSession();
      await client.refused('not_found', ['POST', path, { ...on, sessionId: chat.id }], ['body.sessionId']);
      const stranger = (await signUp(app)).at(app);
      await stranger.refused('not_found', ['POST', path, on]);
    });
  });

  describe('that are read', () => {
    it('tell what each lane took, and all of them together', async () => {
      await give(1_000);
      provider.answer({ steps: [begin, say('Well.'), end()] });
      const { session, message, lanes } = await start({
        prompt: 'Hello',
        models: ['echo', 'openai/gpt-4.1'],
      });
      const run = await ended(session.id);
      const { totalCost, totalCredits, conversations, ...rest } = run;
      expect(rest).to.deep.include({
        id: session.id,
        title: 'Hello',
        prompt: 'Hello',
        models: ['echo', 'openai/gpt-4.1'],
        settings: {},
        status: 'completed',
        totalTokens: 2 + 10,
      });
      const [echo, gpt] = conversations;
      expect(echo).to.deep.include({
        lane: 0,
        modelName: 'echo',
        messageId: lanes[0]?.messageId,
        userPrompt: 'Hello',
        response: 'Hello',
        inputTokens: 1,
        outputTokens: 1,
        credits: 0.02,
        status: 'completed',
        error: null,
      });
      expect(gpt).to.deep.include({ lane: 1, response: 'Well.', inputTokens: 7, outputTokens: 3 });
      expect(gpt?.cost?.usd).to.be.above(0);
      expect(totalCost).to.deep.equal(gpt?.cost);
      expect(totalCredits).to.be.closeTo((echo?.credits ?? 0) + (gpt?.credits ?? 0), 1e-9);
      for (const { responseTime } of conversations) expect(responseTime).to.be.within(1, 10_000);
      expect((echo?.createdAt ?? '') >= message.createdAt).to.equal(true);
    });

    it('show a lane that is being written as it is, and how all of them stand', async () => {
      await give(1_000);
      provider.answer({ steps: [begin, say('So far'), 'stall'] });
      provider.answer({ status: 400, steps: ['{"error":{"message":"no"}}'] });
      const models = ['openai/gpt-4.1', 'echo'];
      const { session, lanes } = await start({ prompt: 'Hello', models });
      const first = async () => (await open(session.id)).conversations[0];
      await until('the text', async () => (await first())?.response === 'So far');
      expect(await open(session.id)).to.include({ status: 'running' });
      expect(await first()).to.deep.include({ status: 'streaming', responseTime: null, cost: null });
      await until('the other', async () => (await open(session.id)).conversations[1]?.status === 'completed');
      expect((await open(session.id)).status).to.equal('running');
      await client.post(`/messages/${lanes[0]?.messageId}/stop`);
      expect((await ended(session.id)).status).to.equal('partial');
      const failed = await start({ prompt: 'Hello', models: ['openai/gpt-4.1'] });
      expect((await ended(failed.session.id)).status).to.equal('failed');
      expect((await open(failed.session.id)).conversations[0]?.error?.code).to.equal('bad_request');
    });

    it('stand as their newest prompt does, and tell what all of them took', async () => {
      await give(1_000);
      const models = ['openai/gpt-4.1'];
      provider.answer({ status: 400, steps: ['{"error":{"message":"no"}}'] });
      const { session } = await start({ prompt: 'Once', models });
      expect((await ended(session.id)).status).to.equal('failed');
      provider.answer({ steps: [begin, say('Now.'), end()] });
      await start({ prompt: 'Again', sessionId: session.id });
      const { status, prompt, totalTokens, conversations } = await ended(session.id);
      expect({ status, prompt, totalTokens }).to.deep.equal({
        status: 'completed',
        prompt: 'Once',
        totalTokens: 10,
      });
      expect(conversations.map((each) => each.status)).to.deep.equal(['failed', 'completed']);
      const [listed] = (await client.get<Listed<Run>>('/playground/sessions')).data;
      expect(listed).to.include({ status: 'completed', prompt: 'Once' });
    });

    it('show the newest 200 messages, each reply with its prompt, also one that is older', async () => {
      const { session, message, lanes } = await start({ prompt: 'The first', models: ['echo'] });
      await ended(session.id);
      const ids = Array.from({ length: 200 }, () => [newId(), newId()]);
      await rows(
        database().db,
        `WITH new AS (SELECT id, generation FROM json_to_recordset($1) AS new (id uuid, generation uuid)),
              said AS (INSERT INTO messages (id, session_id, user_id, parent_id, role, content)
                SELECT id, $2, $3, $4, 'assistant', 'More' FROM new)
         INSERT INTO generations (id, user_id, session_id, message_id, model, status, price, lane, created_at, completed_at)
         SELECT generation, $3, $2, id, 'echo', 'completed', '{}', 0, now(), now() FROM new`,
        [
          JSON.stringify(ids.map(([id, generation]) => ({ id, generation }))),
          session.id,
          user.id,
          message.id,
        ],
      );
      const { conversations } = await open(session.id);
      expect(conversations.map(({ messageId }) => messageId)).to.deep.equal(ids.map(([id]) => id));
      expect(conversations.map(({ messageId }) => messageId)).to.not.include(lanes[0]?.messageId);
      expect(new Set(conversations.map(({ userPrompt }) => userPrompt))).to.deep.equal(
        new Set(['The first']),
      );
    });

    it('stand in a list, last used first, page by page', async () => {
      const ids: string[] = [];
      for (const prompt of ['one', 'two', 'three', `four ${'x'.repeat(1_000)}`, 'five']) {
        const { session } = await start({ prompt, models: ['echo'] });
        await ended(session.id);
        ids.unshift(session.id);
      }
      const runs = await client.all<Run>('/playground/sessions?limit=2');
      expect(runs.map(({ id }) => id)).to.deep.equal(ids);
      expect(runs.map(({ prompt }) => prompt.slice(0, 5))).to.deep.equal([
        'five',
        'four ',
        'three',
        'two',
        'one',
      ]);
      expect(runs[1]?.prompt).to.have.length(500);
      expect(runs[0]).to.deep.include({ models: ['echo'], status: 'completed', totalTokens: 2 });
      expect(runs[0]).to.not.have.property('conversations');
      for (const cursor of BAD_CURSORS) {
        await client.refused('validation_failed', [
          'GET',
          `/playground/sessions?cursor=${encodeURIComponent(cursor)}`,
        ]);
      }
      const stranger = (await signUp(app)).at(app);
      expect(await stranger.all('/playground/sessions')).to.deep.equal([]);
      await stranger.refused('not_found', ['GET', `/playground/sessions/${ids[0]}`]);
    });

    it('give a repeated request its first answer, to the byte, whatever has become of the run', async () => {
      const headers = { 'idempotency-key': crypto.randomUUID() };
      const say = async (body: object, own = headers) => {
        const answer = await client.send('POST', '/playground/sessions', body, { headers: own });
        return `${answer.status} ${await answer.text()}`;
      };
      const body = { prompt: 'Once', models: ['echo', 'echo'] };
      const first = await say(body);
      const { session } = JSON.parse(first.slice(4)) as StartedRun;
      expect(session.totals).to.include({ messages: 3, tokens: 0 });
      await ended(session.id);
      expect(await say(body), 'ended').to.equal(first);
      const more = { prompt: 'Twice', sessionId: session.id };
      const others = { 'idempotency-key': crypto.randomUUID() };
      const second = await say(more, others);
      expect((JSON.parse(second.slice(4)) as StartedRun).session.totals.messages).to.equal(6);
      await ended(session.id);
      await client.patch(`/sessions/${session.id}`, { title: 'Another' });
      expect([await say(body), await say(more, others)], 'gone on').to.deep.equal([first, second]);
      await client.delete(`/playground/sessions/${session.id}`);
      expect([await say(body), await say(more, others)], 'deleted').to.deep.equal([first, second]);
      expect((await client.get<Listed<Run>>('/playground/sessions')).data).to.deep.equal([]);
    });

    it('are deleted with what runs in them, and only if they are runs', async () => {
      await give(1_000);
      provider.answer({ steps: [begin, say('So far'), 'stall'] });
      const asked = provider.nextRequest();
      const { session } = await start({ prompt: 'Hello', models: ['openai/gpt-4.1', 'echo'] });
      const { closed } = await asked;
      await client.delete(`/playground/sessions/${session.id}`);
      expect(await closed, 'the provider is let go').to.deep.equal({ abortedByClient: true });
      await client.refused('not_found', ['GET', `/playground/sessions/${session.id}`]);
      await client.refused('not_found', ['DELETE', `/playground/sessions/${session.id}`]);
      await until('nothing is held', async () => {
        const { held } = await client.get<{ held: number }>('/v1/balance');
        return held === 0;
      });
      const chat = await client.newSession();
      await client.refused('not_found', ['DELETE', `/playground/sessions/${chat.id}`]);
      await client.refused('not_found', ['GET', `/playground/sessions/${chat.id}`]);
      expect(await client.get<Session>(`/sessions/${chat.id}`)).to.include({ id: chat.id });
    });
  });
});

describe('what is held for the lanes of a run, and for a chat in one call', () => {
  const database = useTestDatabase();
  let world: ProviderApp;
  let app: ProviderApp['app'];
  let provider: ProviderApp['provider'];

  before(async () => {
    // While it is busy, what is asked waits: a hold stays as it was admitted.
    world = await startProviderApp(database(), { WORKER_CONCURRENCY: '1' });
    ({ app, provider } = world);
  });
  after(() => world.close());

  it('is for each what its own history takes', async () => {
    const [client, other] = [(await signUp(app)).at(app), (await signUp(app)).at(app)];
    const { sessionId } = await client.post<ChatAnswer>('/chat', { message: words(200) });
    const path = '/playground/sessions';
    provider.answer({ steps: [begin, say('Short.'), end()] });
    const models = ['echo', 'openai/gpt-4.1-nano'];
    const { session } = await client.post<StartedRun>(path, { prompt: words(200), models });
    await until('the end', async () => {
      return (await client.get<OpenRun>(`${path}/${session.id}`)).status === 'completed';
    });
    provider.answer({ steps: [begin, 'stall'] });
    const busy = provider.nextRequest();
    const waiting = await other.post<StartedRun>(path, { prompt: 'Hi', models: models.slice(1) });
    await busy;
    await client.post(path, { prompt: 'Hi', sessionId: session.id });
    const held = await rows<{ lane: number; tokens: number }>(
      database().db,
      `SELECT lane, hold_tokens AS tokens FROM generations WHERE session_id = $1 AND status = 'queued' ORDER BY lane`,
      [session.id],
    );
    // 200 words and their echo are 400 tokens; the other lane says that it took 10. And a reserve of 100 for what is written.
    expect(held).to.deep.equal([
      { lane: 0, tokens: 400 + 1 + 100 },
      { lane: 1, tokens: 10 + 1 + 100 },
    ]);
    const left = new AbortController();
    const ask = { message: 'Hi', sessionId };
    const chat = client.send('POST', '/chat', ask, { signal: left.signal }).catch(() => {});
    const ofChat = async () => {
      const sql = `SELECT hold_tokens AS tokens FROM generations WHERE session_id = $1 AND status = 'queued'`;
      return rows<{ tokens: number }>(database().db, sql, [sessionId]);
    };
    await until('it is asked', async () => (await ofChat()).length > 0);
    expect(await ofChat()).to.deep.equal([{ tokens: 400 + 1 + 100 }]);
    left.abort();
    await chat;
    await client.delete(`/chat/sessions/${sessionId}`);
    await client.delete(`${path}/${session.id}`);
    await other.delete(`${path}/${waiting.session.id}`);
  });
});
