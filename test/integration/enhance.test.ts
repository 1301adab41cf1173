import { expect } from 'chai';
import type { Enhancement } from '../../src/contracts/enhancement.ts';
import type { EnhanceAnswer } from '../../src/contracts/routes/ai-enhance.ts';
import type { AiUsage } from '../../src/contracts/routes/ai-usage.ts';
import { rows } from '../../src/data/database.ts';
import { countTokens } from '../../src/services/count-tokens.ts';
import { useTestDatabase } from '../support/database.ts';
import { askFor, EnhancementClient } from '../support/enhancement-client.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type ProviderWireServer, startProviderWireServer } from '../support/provider-wire-server.ts';
import { openAiWire } from '../support/provider-wires.ts';
import type { RestClient } from '../support/rest-client.ts';
import { makeKey, withToken } from '../support/test-keys.ts';
import { signUp } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWholeApp, type WholeApp } from '../support/whole-app.ts';
import { words } from '../support/words.ts';

const OPENAI = 'openai/gpt-4.1';
const PRIVATE =
  'Mail ann@example.com, ring +1 415 555 2671, pay to DE89 3704 0044 0532 0130 00 from 203.0.113.42, SSN 123-45-6789, password is: hunter2!';
const MASKED =
  'Mail [EMAIL_1], ring [PHONE_1], pay to [IBAN_1] from [IP_1], SSN [SSN_1], password is: [SECRET_1]';

describe('enhancing a text', function () {
  this.timeout(30_000);
  const database = useTestDatabase();
  let provider: ProviderWireServer;
  let app: WholeApp;
  let ann: RestClient;

  before(async () => {
    provider = await startProviderWireServer();
    app = await startWholeApp(database(), {
      env: {
        OPENAI_API_KEY: 'none',
        OPENAI_BASE_URL: `${provider.url}/v1`,
        DEFAULT_MODEL: 'echo',
        DEFAULT_ROLE: 'premium',
        MAX_BODY_BYTES: '1000000',
        MAX_MESSAGE_CHARS: '50000',
        MAX_CONCURRENT_GENERATIONS: '1000',
        ECHO_TOKENS_PER_SECOND: '500',
        SSE_HEARTBEAT_MS: '100',
        AI_RATE_LIMIT_USER_REQUESTS: '1000',
      },
    });
  });
  after(async () => {
    await app?.close();
    await provider.close();
  });
  beforeEach(async () => {
    provider.clear();
    ann = (await signUp(app)).at(app);
  });

  const read = (sessionId: string, client = ann) => client.get<Enhancement>(`/ai/session/${sessionId}`);
  const finished = async (body: object) => {
    const { sessionId } = await askFor(ann, body);
    const stream = await new EnhancementClient(ann).open(sessionId);
    await stream.end('done');
    return { sessionId, stream, enhancement: await read(sessionId) };
  };
  /** A text that is written for seconds, and of which something is there. */
  const running = async (count = 4_000) => {
    const { sessionId } = await askFor(ann, { text: words(count), action: 'improve' });
    const stream = await new EnhancementClient(ann).open(sessionId);
    await stream.has(100);
    return { sessionId, stream };
  };
  /** What the provider was asked first. */
  const askedOf = <T>(): T => provider.requests[0]?.body as T;
  const traces = async () => {
    const [found] = await rows<Record<string, number>>(
      database().db,
      `SELECT (SELECT count(*) FROM sessions WHERE user_id = $1)::int AS sessions,
              (SELECT count(*) FROM generations WHERE user_id = $1)::int AS generations,
              (SELECT count(*) FROM idempotency_keys WHERE user_id = $1)::int AS keys,
              (SELECT count(*) FROM ledger_entries WHERE user_id = $1 AND kind = 'charge')::int AS charges,
              (SELECT held::float8 FROM accounts WHERE user_id = $1) AS held`,
      [ann.userId],
    );
    return found;
  };
  const NO_TRACES = { sessions: 0, generations: 0, keys: 0, charges: 0, held: 0 };

  it('answers with where to follow it, what is set aside, and what is left of the limit', async () => {
    const answer = await ann.send('POST', '/ai/enhance', { text: 'Hello there', action: 'improve' });
    expect(answer.status).to.equal(201);
    const { sessionId, streamUrl, estimatedTokens, rateLimit } = (await answer.json()) as EnhanceAnswer;
    expect(streamUrl).to.equal(`/ai/stream/${sessionId}`);
    const stream = await new EnhancementClient(ann).open(sessionId);
    await stream.end('done');
    const [held] = await rows<{ tokens: number }>(
      database().db,
      'SELECT hold_tokens AS tokens FROM generations WHERE session_id = $1',
      [sessionId],
    );
    expect(estimatedTokens).to.equal(held?.tokens);
    const { requests } = await ann.get<AiUsage>('/ai/usage');
    expect(requests).to.deep.include({ used: 1, limit: 1000 });
    expect(rateLimit).to.deep.equal({ limit: 1000, remaining: 999, resetAt: requests.resetAt });
  });

  it('streams it, and can be read with what it took', async () => {
    const { sessionId, stream, enhancement } = await finished({
      text: 'One two three.',
      action: 'fix_grammar',
    });
    expect(stream.names.slice(0, 3)).to.deep.equal(['connected', 'metadata', 'chunk']);
    expect(stream.of('connected')[0]).to.deep.equal({
      sessionId,
      action: 'fix_grammar',
      model: 'echo',
      expiresAt: enhancement.expiresAt,
    });
    expect(stream.text).to.equal('One two three.');
    expect(stream.of('chunk').reduce((sum, { tokens }) => sum + tokens, 0)).to.be.at.least(
      await countTokens('One two three.'),
    );
    const { usage, ...done } = stream.of('done')[0] ?? {};
    expect(done).to.deep.include({
      text: 'One two three.',
      finishReason: 'stop',
      credits: enhancement.credits,
    });
    expect(enhancement).to.deep.include({
      sessionId,
      status: 'completed',
      action: 'fix_grammar',
      model: 'echo',
      text: 'One two three.',
      result: 'One two three.',
      tokens: usage,
      error: null,
    });
    expect(enhancement.credits).to.be.greaterThan(0);
    const lives = Date.parse(enhancement.expiresAt) - Date.parse(enhancement.createdAt);
    expect(lives).to.be.within(24 * 3_600_000 - 5_000, 24 * 3_600_000 + 5_000);
    await expectInvariants(database());
  });

  it('tells a provider what to do in the system turn, and the text alone in the user turn; both masked', async () => {
    await ann.json('PUT', '/ai/entities/opportunity/7', {
      title: 'Deal with bob@example.com',
      data: { owner: 'ann@example.com', description: 'the old text' },
    });
    provider.answer({ steps: [openAiWire.begin, openAiWire.text('Write to [EMAIL_1].'), openAiWire.end()] });
    const { enhancement } = await finished({
      text: PRIVATE,
      action: 'free_prompt',
      customPrompt: 'Also greet carl@example.com.',
      model: OPENAI,
      context: { fieldType: 'opportunity_description', entityId: '7', fieldId: 'description' },
      includeContext: ['opportunity_details'],
    });
    const { messages } = askedOf<{ messages: { role: string; content: string }[] }>();
    expect(messages.map(({ role }) => role)).to.satisfy((roles: string[]) =>
      /^(system|developer),user$/.test(roles.join()),
    );
    expect(messages[1]?.content).to.equal(MASKED);
    const system = messages[0]?.content ?? '';
    expect(system).to.include('Also greet [EMAIL_2].');
    expect(system).to.include(
      'opportunity "Deal with [EMAIL_3]" (the text stands in it):\nowner: "[EMAIL_1]"',
    );
    const sent = JSON.stringify(provider.requests);
    for (const value of ['example.com', '415', '3704', '203', '6789', 'hunter2', 'the old text'])
      expect(sent).to.not.include(value);
    expect(enhancement).to.deep.include({ text: PRIVATE, result: 'Write to [EMAIL_1].' });
    expect(enhancement.metadata).to.deep.include({
      customPrompt: 'Also greet carl@example.com.',
      masked: { email: 3, phone: 1, card: 0, iban: 1, ssn: 1, ip: 1, secret: 1 },
      fieldType: 'opportunity_description',
      entityId: '7',
      fieldId: 'description',
    });
    expect(enhancement.metadata.context.included[0]).to.deep.include({ source: 'opportunity/7', cut: false });
  });

  it('counts none of a kind that was not known yet when it was asked for', async () => {
    const { enhancement } = await finished({ text: PRIVATE, action: 'improve' });
    await database().db.query(
      `UPDATE sessions SET metadata = metadata #- '{masked,iban}' #- '{masked,ip}' WHERE id = $1`,
      [enhancement.sessionId],
    );
    const masked = { ...enhancement.metadata.masked, iban: 0, ip: 0 };
    expect((await read(enhancement.sessionId)).metadata.masked).to.deep.equal(masked);
  });

  it('keeps the masked prompt only until it has ended, and the text as it was given', async () => {
    const inputOf = async (sessionId: string) =>
      (
        await rows<{ input: { turns: { content: string }[] } | null }>(
          database().db,
          'SELECT input FROM generations WHERE session_id = $1',
          [sessionId],
        )
      )[0]?.input;
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    provider.answer({ steps: [openAiWire.begin, gate, openAiWire.text('Done.'), openAiWire.end()] });
    const { sessionId } = await askFor(ann, { text: PRIVATE, action: 'improve', model: OPENAI });
    expect((await inputOf(sessionId))?.turns.at(-1)?.content).to.equal(MASKED);
    const stream = await new EnhancementClient(ann).open(sessionId);
    release();
    await stream.end('done');
    expect(await inputOf(sessionId)).to.equal(null);
    expect((await read(sessionId)).text).to.equal(PRIVATE);
  });

  it('tells of the newest texts of the same kind of field, masked and shortened', async () => {
    const context = { fieldType: 'comment' };
    await finished({ text: 'First of ann@example.com', action: 'improve', context });
    await finished({ text: `Second ${'word '.repeat(300)}`, action: 'expand', context });
    await finished({ text: 'A note', action: 'improve', context: { fieldType: 'project_note' } });
    await ann.delete(`/ai/session/${(await running()).sessionId}`);
    provider.answer({ steps: [openAiWire.begin, openAiWire.text('x'), openAiWire.end()] });
    const asked = {
      text: 'Third',
      action: 'improve',
      model: OPENAI,
      context,
      includeContext: ['user_history'],
    };
    const { enhancement } = await finished(asked);
    const { messages } = askedOf<{ messages: { content: string }[] }>();
    const system = messages[0]?.content ?? '';
    expect(system.indexOf('before: Second')).to.be.within(1, system.indexOf('before: First of [EMAIL_1]'));
    // The model was answered with a placeholder, which was of that request.
    expect(system).to.include('after: First of [EMAIL]');
    expect(system).to.not.include('A note');
    expect(enhancement.metadata.context.included.map(({ option }) => option)).to.deep.equal([
      'user_history',
      'user_history',
    ]);
    expect(enhancement.metadata.context.tokens).to.be.lessThan(700);
  });

  it('shows no session and no message of it in the chat, and neither names it nor answers in it', async () => {
    const { sessionId } = await finished({ text: 'Hello', action: 'improve' });
    expect((await ann.get<{ data: unknown[] }>('/sessions')).data).to.deep.equal([]);
    const [reply] = await rows<{ id: string }>(
      database().db,
      `SELECT id FROM messages WHERE session_id = $1 AND role = 'assistant'`,
      [sessionId],
    );
    await ann.refused('validation_failed', ['POST', '/messages', { sessionId, content: 'Hi' }]);
    await ann.refused('conflict', ['POST', `/messages/${reply?.id}/regenerate`]);
  });

  describe('whose stream is opened', () => {
    it('late, or twice, or after the end, tells all of it from the start', async () => {
      const { sessionId, stream } = await running(600);
      const late = await new EnhancementClient(ann).open(sessionId);
      await late.has(stream.text.length);
      stream.cut();
      await late.end('done');
      const after = await new EnhancementClient(ann).open(sessionId);
      await after.end('done');
      for (const client of [late, after]) expect(client.text).to.equal(words(600));
      expect(after.of('chunk')).to.have.length(1);
      expect((await read(sessionId)).status).to.equal('completed');
    });

    it('again, goes on where it was', async () => {
      const { sessionId, stream } = await running(600);
      stream.cut();
      const before = stream.text;
      await stream.open(sessionId);
      await stream.end('done');
      expect(stream.text).to.equal(words(600));
      expect(before.length).to.be.within(100, words(600).length - 1);
      const again = stream.events.findLastIndex(({ event }) => event === 'connected');
      const told = stream.events.slice(again).filter(({ event }) => event === 'chunk');
      expect(told.map(({ data }) => data.text).join('')).to.equal(words(600).slice(before.length));
      expect(stream.names).to.not.include('restart');
    });

    it('once more after its end was told, has nothing to say', async () => {
      const { sessionId, stream } = await finished({ text: 'Hello', action: 'improve' });
      expect(stream.lastEventId).to.match(/^[0-9a-f-]{36}:1:5:done$/);
      await stream.open(sessionId);
      expect(stream.status).to.equal(204);
    });

    it('with a ticket, which is used up, or with an API key of the scope', async () => {
      const { sessionId } = await finished({ text: 'Hello', action: 'improve' });
      const { ticket } = await ann.post<{ ticket: string }>('/auth/stream-ticket');
      const url = `${app.url}/ai/stream/${sessionId}?ticket=${ticket}`;
      expect(await (await fetch(url)).text()).to.include('event: done');
      await expectProblem(await fetch(url), 'unauthenticated');
      const owner = await signUp(app);
      const { key } = await makeKey(app, owner, { scopes: ['ai'] });
      const script = withToken(owner, key).at(app);
      const { sessionId: own } = await askFor(script, { text: 'Hello', action: 'improve' });
      await (await new EnhancementClient(script).open(own)).end('done');
      await script.refused('not_found', ['GET', `/ai/session/${sessionId}`]);
    });

    it('while nothing comes, sends heartbeats', async () => {
      provider.answer({ steps: ['stall'] });
      const { sessionId } = await askFor(ann, { text: 'Hello', action: 'improve', model: OPENAI });
      const stream = await new EnhancementClient(ann).open(sessionId);
      await stream.until('heartbeats', () => stream.heartbeats >= 2);
      await ann.delete(`/ai/session/${sessionId}`);
      await stream.end('cancelled');
    });

    it('from a place that is none, is refused', async () => {
      const { sessionId } = await finished({ text: 'Hello', action: 'improve' });
      const target = `/ai/stream/${sessionId}`;
      const header = await ann.send('GET', target, undefined, { headers: { 'last-event-id': 'x' } });
      await expectProblem(header, 'validation_failed', ['headers.last-event-id']);
      await ann.refused('validation_failed', ['GET', `${target}?after=1`], ['query.after']);
    });
  });

  describe('that is cancelled', () => {
    it('ends with what there is, which is charged once, and stays readable', async () => {
      const { sessionId, stream } = await running();
      for (let times = 0; times < 2; times += 1) await ann.delete(`/ai/session/${sessionId}`);
      const { text, credits } = await stream.end('cancelled');
      expect(words(4_000).startsWith(text)).to.equal(true);
      expect(text).to.equal(stream.text);
      await ann.delete(`/ai/session/${sessionId}`);
      expect(await read(sessionId)).to.deep.include({
        status: 'cancelled',
        result: text,
        credits,
        finishReason: 'cancelled',
      });
      await expectInvariants(database());
    });

    it('after its end, stays as it was', async () => {
      const { sessionId } = await finished({ text: 'Hello', action: 'improve' });
      await ann.delete(`/ai/session/${sessionId}`);
      expect(await read(sessionId)).to.deep.include({ status: 'completed', result: 'Hello' });
    });
  });

  it('goes on when its client leaves', async () => {
    const { sessionId, stream } = await running(400);
    stream.cut();
    await until('the end', async () => (await read(sessionId)).status === 'completed');
    expect((await read(sessionId)).result).to.equal(words(400));
  });

  it('that fails tells why, and what there is', async () => {
    provider.answer({ steps: [openAiWire.begin, openAiWire.text('Half'), 'reset'] });
    const { sessionId } = await askFor(ann, { text: 'Hello', action: 'improve', model: OPENAI });
    const stream = await new EnhancementClient(ann).open(sessionId);
    expect(await stream.end('error')).to.deep.include({ code: 'interrupted', text: 'Half' });
    expect(await read(sessionId)).to.deep.include({ status: 'failed', result: 'Half' });
    expect((await read(sessionId)).error?.code).to.equal('interrupted');
  });

  it('is not there for others, and not when it has expired', async () => {
    const { sessionId } = await finished({ text: 'Hello', action: 'improve' });
    const requests = [
      ['GET', `/ai/session/${sessionId}`],
      ['GET', `/ai/stream/${sessionId}`],
      ['DELETE', `/ai/session/${sessionId}`],
    ] as [string, string][];
    const bob = (await signUp(app)).at(app);
    for (const request of requests) await bob.refused('not_found', request);
    await rows(database().db, 'UPDATE sessions SET expires_at = now() WHERE id = $1', [sessionId]);
    for (const request of requests) await ann.refused('not_found', request);
  });

  it('is no session of another kind: that is not there', async () => {
    const { sessionId: id } = await finished({ text: 'Hello', action: 'improve' });
    await rows(database().db, `UPDATE sessions SET kind = 'call' WHERE id = $1`, [id]);
    for (const [method, path] of [
      ['GET', 'session'],
      ['GET', 'stream'],
      ['DELETE', 'session'],
    ] as const)
      await ann.refused('not_found', [method, `/ai/${path}/${id}`]);
  });

  describe('with an idempotency key', () => {
    const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });
    const send = async (body: object, key: string) => {
      const answer = await ann.send('POST', '/ai/enhance', body, keyed(key));
      return { status: answer.status, body: (await answer.json()) as EnhanceAnswer };
    };

    it('is done once, however often and at once it is asked for', async () => {
      const body = { text: 'Hello', action: 'improve' };
      const answers = await Promise.all(Array.from({ length: 10 }, () => send(body, 'a')));
      const { sessionId, estimatedTokens } = answers[0]?.body ?? {};
      for (const answer of answers) {
        expect(answer.status).to.equal(201);
        expect(answer.body).to.deep.include({ sessionId, estimatedTokens });
      }
      await (await new EnhancementClient(ann).open(sessionId ?? '')).end('done');
      expect((await send(body, 'a')).body).to.deep.include({ sessionId, estimatedTokens });
      expect(await traces()).to.deep.include({ sessions: 1, generations: 1, charges: 1 });
      await ann.get('/ai/usage');
    });

    it('gets its first answer when it has expired, and when it was deleted', async () => {
      const body = { text: 'Hello', action: 'improve' };
      const first = await send(body, 'a');
      const { sessionId } = first.body;
      await (await new EnhancementClient(ann).open(sessionId)).end('done');
      const before = await traces();
      await rows(database().db, 'UPDATE sessions SET expires_at = now() WHERE id = $1', [sessionId]);
      expect(await send(body, 'a')).to.deep.equal(first);
      await rows(database().db, 'DELETE FROM sessions WHERE id = $1', [sessionId]);
      expect(await send(body, 'a')).to.deep.equal(first);
      expect(await traces()).to.deep.equal({ ...before, sessions: 0 });
      await ann.refused('not_found', ['GET', `/ai/session/${sessionId}`]);
    });

    it('is refused for another request', async () => {
      await send({ text: 'Hello', action: 'improve' }, 'a');
      const other = await ann.send('POST', '/ai/enhance', { text: 'Hi', action: 'improve' }, keyed('a'));
      await expectProblem(other, 'idempotency_key_reused');
    });
  });

  describe('that is not asked for rightly is refused, and nothing is written or charged:', () => {
    const good = { text: 'Hello', action: 'improve' };
    const context = { fieldType: 'opportunity_description' };
    const BAD: [what: string, body: object, fields: string[]][] = [
      ['nothing', {}, ['body.text', 'body.action']],
      ['an empty text', { ...good, text: '' }, ['body.text']],
      ['a blank text', { ...good, text: ' \n ' }, ['body.text']],
      ['a text that is too long', { ...good, text: 'x'.repeat(50_001) }, ['body.text']],
      ['an unknown action', { ...good, action: 'destroy' }, ['body.action']],
      ['no custom prompt', { ...good, action: 'free_prompt' }, ['body.customPrompt']],
      ['a blank custom prompt', { ...good, action: 'free_prompt', customPrompt: ' ' }, ['body.customPrompt']],
      ['a custom prompt for another action', { ...good, customPrompt: 'Do.' }, ['body.customPrompt']],
      ['an unknown tone', { ...good, action: 'change_tone', tone: 'rude' }, ['body.tone']],
      ['a tone for another action', { ...good, tone: 'casual' }, ['body.tone']],
      ['an unknown field type', { ...good, context: { fieldType: 'poem' } }, ['body.context.fieldType']],
      ['an unknown option', { ...good, context, includeContext: ['all'] }, ['body.includeContext.0']],
      [
        'one option instead of a list',
        { ...good, context, includeContext: 'user_history' },
        ['body.includeContext'],
      ],
      ['options without a context', { ...good, includeContext: ['user_history'] }, ['body.context']],
      [
        'details of no record',
        { ...good, context, includeContext: ['opportunity_details'] },
        ['body.context.entityId'],
      ],
      [
        'a tab that says nothing',
        { ...good, context, includeContext: ['current_tab'] },
        ['body.context.metadata'],
      ],
      [
        'a tab that says too much',
        { ...good, context: { ...context, metadata: { a: 'x'.repeat(8_192) } } },
        ['body.context.metadata'],
      ],
      ['an unknown field', { ...good, prompt: 'x' }, ['body.prompt']],
      ['NUL', { ...good, text: 'a\0b' }, ['body.text']],
    ];
    for (const [what, body, fields] of BAD) {
      it(what, async () => {
        await ann.refused('validation_failed', ['POST', '/ai/enhance', body], fields);
        expect(await traces()).to.deep.equal(NO_TRACES);
      });
    }

    it('a record that is not registered', async () => {
      const includeContext = ['related_fields'];
      const body = { ...good, context: { ...context, entityId: '404' }, includeContext };
      await ann.refused('not_found', ['POST', '/ai/enhance', body], ['body.context.entityId']);
      expect(await traces()).to.deep.equal(NO_TRACES);
    });

    it('an unknown model', async () => {
      await ann.refused('model_not_available', ['POST', '/ai/enhance', { ...good, model: 'no/model' }]);
      expect(await traces()).to.deep.equal(NO_TRACES);
    });

    it('a body of 10 MB', async () => {
      const body = { ...good, text: 'x'.repeat(10_000_000) };
      await ann.refused('payload_too_large', ['POST', '/ai/enhance', body], ['body']);
      expect(await traces()).to.deep.equal(NO_TRACES);
    });

    it('more than the credits allow', async () => {
      await app.admin.json('PUT', '/v1/balance', { userId: ann.userId, balance: 1, reason: 'a test' });
      await ann.refused('insufficient_credits', ['POST', '/ai/enhance', good]);
      expect(await traces()).to.deep.equal(NO_TRACES);
    });
  });
});

describe('enhancing a text, within limits', () => {
  const database = useTestDatabase();

  it('tells of the limit that leaves least, and is refused beyond it', async () => {
    const app = await startWholeApp(database(), {
      env: {
        RATE_LIMITS: 'on',
        RATE_LIMIT_GENERATION_REQUESTS: '2',
        RATE_LIMIT_GENERATION_MINUTES: '60',
        MAX_CONCURRENT_GENERATIONS: '1000',
        DEFAULT_MODEL: 'echo',
      },
    });
    try {
      const client = (await signUp(app)).at(app);
      const body = { text: 'Hello', action: 'improve' };
      const began = Date.now();
      const { rateLimit } = await askFor(client, body);
      expect(rateLimit).to.deep.include({ limit: 2, remaining: 1 });
      expect(Date.parse(rateLimit.resetAt) - began).to.be.within(3_590_000, 3_610_000);
      const again = async () => {
        const keyed = { headers: { 'idempotency-key': 'a' } };
        const answer = await client.send('POST', '/ai/enhance', body, keyed);
        return ((await answer.json()) as EnhanceAnswer).rateLimit;
      };
      expect(await again()).to.include({ limit: 2, remaining: 0 });
      await client.refused('rate_limited', ['POST', '/ai/enhance', body]);
      // A repetition is not counted, and told what is left all the same.
      const repeated = await again();
      expect(repeated).to.include({ limit: 2, remaining: 0 });
      expect(Date.parse(repeated.resetAt) - began).to.be.within(3_590_000, 3_610_000);
    } finally {
      await app.close();
    }
  });

  it('tells of none where there is none', async () => {
    const app = await startWholeApp(database(), { env: { DEFAULT_MODEL: 'echo' } });
    try {
      const client = (await signUp(app)).at(app);
      const { rateLimit } = await askFor(client, { text: 'Hello', action: 'improve' });
      expect(rateLimit).to.deep.include({ limit: null, remaining: null });
    } finally {
      await app.close();
    }
  });
});

describe('an enhancement that nobody has begun', () => {
  const database = useTestDatabase();

  it('is cancelled at once: nothing is charged, nothing stays held, and its prompt is forgotten', async () => {
    const app = await startWholeApp(database(), { without: 'worker', env: { DEFAULT_MODEL: 'echo' } });
    try {
      const client = (await signUp(app)).at(app);
      const { sessionId } = await askFor(client, { text: 'Hello', action: 'improve' });
      const stream = await new EnhancementClient(client).open(sessionId);
      await stream.until('what it was asked for', () => stream.names.includes('metadata'));
      expect(await client.get<Enhancement>(`/ai/session/${sessionId}`)).to.deep.include({
        status: 'queued',
        result: '',
        tokens: null,
      });
      await client.delete(`/ai/session/${sessionId}`);
      expect(await stream.end('cancelled')).to.deep.include({ text: '', credits: 0 });
      expect(await client.get('/v1/balance')).to.deep.equal({ balance: 1000, held: 0, available: 1000 });
      const sql = 'SELECT input FROM generations WHERE session_id = $1';
      expect(await rows(database().db, sql, [sessionId])).to.deep.equal([{ input: null }]);
      await expectInvariants(database());
    } finally {
      await app.close();
    }
  });
});
