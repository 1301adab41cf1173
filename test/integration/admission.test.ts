import { expect } from 'chai';
import type { SessionSettings } from '../../src/contracts/session.ts';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import { testModel } from '../support/models.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { refusalOf } from '../support/refusal.ts';

const CATALOGUE = [
  testModel('echo'),
  testModel('script/model'),
  testModel('script/small', { contextLength: 150, maxOutputTokens: 40 }),
  testModel('script/off', { enabled: false }),
  testModel('script/gone', { enabled: false, vanished: true }),
  testModel('script/plain', { parameters: ['maxTokens'], maxOutputTokens: 40 }),
  testModel('unserved/model'),
  testModel('anthropic/claude'),
];

describe('admission', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let ann: Asker;

  beforeEach(async () => {
    pipeline = createPipeline(database(), CATALOGUE);
    ann = await pipeline.asker();
  });
  afterEach(() => pipeline.close());

  /** Everything that the user has stored. */
  const stored = async ({ userId }: Asker) => {
    const [counted] = await rows<object>(
      database().db,
      `SELECT (SELECT count(*)::int FROM sessions WHERE user_id = $1) AS sessions,
              (SELECT count(*)::int FROM messages WHERE user_id = $1) AS messages,
              (SELECT count(*)::int FROM generations WHERE user_id = $1) AS generations`,
      [userId],
    );
    return counted;
  };
  const setSettings = (settings: SessionSettings) =>
    rows(database().db, 'UPDATE sessions SET settings = $2 WHERE id = $1', [ann.sessionId, settings]);

  /** That nothing was written, and the refusal names these fields. */
  async function refused(work: () => Promise<unknown>, code: string, ...paths: string[]): Promise<void> {
    const before = await stored(ann);
    expect(await refusalOf(work())).to.deep.equal({ code, paths });
    expect(await stored(ann)).to.deep.equal(before);
    expect(pipeline.queue.enqueued).to.deep.equal([]);
  }

  const UNAVAILABLE: [model: string, why: RegExp][] = [
    ['script/nothing', /is not a model of this server/],
    ['nobody/model', /is not a model of this server/],
    ['script/off', /is switched off/],
    ['script/gone', /not offered by its provider any more/],
    ['unserved/model', /belongs to unserved, for which this server has no key/],
  ];
  for (const [model, why] of UNAVAILABLE) {
    it(`refuses ${model}, and says why`, async () => {
      const { userId, sessionId } = ann;
      const asked: [work: () => Promise<unknown>, path: string][] = [
        [() => pipeline.post(ann, { content: 'Why?', model }), 'body.model'],
        [() => pipeline.post(ann, { content: 'Why?', models: ['echo', model] }), 'body.models.1'],
        [() => pipeline.sessions.create(userId, { model }), 'body.model'],
        [() => pipeline.sessions.update(userId, sessionId, { model, title: 'New' }), 'body.model'],
      ];
      for (const [work, path] of asked) await refused(work, 'model_not_available', path);
      expect(await words(pipeline.post(ann, { content: 'Why?', model }))).to.match(why);
      expect(await pipeline.sessions.list(userId, { limit: 1 })).to.have.nested.include({
        'data[0].title': null,
      });
    });
  }

  it('refuses the model of a session that was switched off meanwhile', async () => {
    await rows(database().db, "UPDATE sessions SET model = 'script/off' WHERE id = $1", [ann.sessionId]);
    await refused(() => pipeline.post(ann, { content: 'Why?' }), 'model_not_available', 'body.model');
  });

  describe('of a prompt', () => {
    it('refuses what cannot fit in the window, with its numbers, for one of several models too', async () => {
      const content = 'word '.repeat(80);
      await refused(
        () => pipeline.post(ann, { content, model: 'script/small' }),
        'validation_failed',
        'body.content',
      );
      await refused(
        () => pipeline.post(ann, { content, models: ['echo', 'script/small'] }),
        'validation_failed',
        'body.content',
      );
      expect(await words(pipeline.post(ann, { content, model: 'script/small' }))).to.match(
        /^body\.content: has about 81 tokens, and script\/small takes at most 50$/,
      );
      expect((await pipeline.post(ann, { content, model: 'script/model' })).replies).to.have.length(1);
    });

    it('counts the system prompt, and lets through what fits', async () => {
      const content = 'word '.repeat(30);
      await setSettings({ systemPrompt: 'rule '.repeat(30) });
      await refused(
        () => pipeline.post(ann, { content, model: 'script/small' }),
        'validation_failed',
        'body.content',
      );
      await setSettings({ systemPrompt: 'rule '.repeat(10) });
      expect((await pipeline.post(ann, { content, model: 'script/small' })).replies).to.have.length(1);
    });

    it('holds for a reply that is written again', async () => {
      const { replies } = await pipeline.post(ann, { content: 'word '.repeat(80) });
      const again = (model: string) =>
        pipeline.regenerate({ userId: ann.userId }, replies[0]?.id ?? '', { model });
      const before = await stored(ann);
      expect(await refusalOf(again('script/small'))).to.deep.equal({
        code: 'validation_failed',
        paths: ['message.content'],
      });
      expect(await refusalOf(again('script/off'))).to.deep.equal({
        code: 'model_not_available',
        paths: ['body.model'],
      });
      await setSettings({ maxTokens: 41 });
      expect(await refusalOf(again('script/plain'))).to.deep.equal({
        code: 'validation_failed',
        paths: ['session.settings.maxTokens'],
      });
      expect(await stored(ann)).to.deep.equal(before);
    });
  });

  describe('of settings', () => {
    it('refuses what the model of a new session would refuse, and takes the limits themselves', async () => {
      const { userId } = ann;
      const create = (model: string, settings: SessionSettings) =>
        pipeline.sessions.create(userId, { model, settings });
      await refused(
        () => create('script/small', { maxTokens: 41 }),
        'validation_failed',
        'body.settings.maxTokens',
      );
      expect(await words(create('script/small', { maxTokens: 41 }))).to.equal(
        'body.settings.maxTokens: must be at most 40 for script/small',
      );
      expect((await create('script/small', { maxTokens: 40 })).settings).to.deep.equal({ maxTokens: 40 });
      // A setting that it does not take is left out of the request.
      expect((await create('script/plain', { temperature: 2 })).settings).to.deep.equal({ temperature: 2 });
    });

    it("refuses a temperature that is above its provider's scale", async () => {
      const { userId, sessionId } = ann;
      const create = (temperature: number) =>
        pipeline.sessions.create(userId, { model: 'anthropic/claude', settings: { temperature } });
      await refused(() => create(1.01), 'validation_failed', 'body.settings.temperature');
      expect((await create(1)).settings).to.deep.equal({ temperature: 1 });
      await setSettings({ temperature: 1.5 });
      const move = () => pipeline.sessions.update(userId, sessionId, { model: 'anthropic/claude' });
      await refused(move, 'validation_failed', 'session.settings.temperature');
    });

    it('refuses a change that does not go with what stays', async () => {
      const { userId, sessionId } = ann;
      const change = (changes: object) => () => pipeline.sessions.update(userId, sessionId, changes);
      await setSettings({ maxTokens: 100 });
      await refused(change({ model: 'script/small' }), 'validation_failed', 'session.settings.maxTokens');
      const both = await change({ model: 'script/small', settings: { maxTokens: 30 } })();
      expect(both).to.deep.include({ model: 'script/small', settings: { maxTokens: 30 } });
      await refused(change({ settings: { maxTokens: 41 } }), 'validation_failed', 'body.settings.maxTokens');
      await refused(
        () => pipeline.sessions.update(userId, '0190a0a0-0000-7000-8000-000000000000', { settings: {} }),
        'not_found',
      );
    });

    it('refuses at the post what another model of the message would refuse', async () => {
      await setSettings({ maxTokens: 100 });
      await refused(
        () => pipeline.post(ann, { content: 'Why?', models: ['script/model', 'script/small'] }),
        'validation_failed',
        'session.settings.maxTokens',
      );
    });
  });
});

/** What the refused are told. */
async function words(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'It was not refused.',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}
