import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { ContextOption, EnhanceContext } from '../../src/contracts/enhancement.ts';
import { NONE_MASKED } from '../../src/contracts/masking.ts';
import type { AiRelation } from '../../src/contracts/routes/ai-entities.ts';
import { rows } from '../../src/data/database.ts';
import { putAiEntity } from '../../src/data/repositories/ai-entities.ts';
import { countTokens } from '../../src/services/count-tokens.ts';
import { assembleContext } from '../../src/services/enhance/context/assemble.ts';
import { detectorsFor } from '../../src/services/masking/detectors.ts';
import { createMasker } from '../../src/services/masking/masker.ts';
import { useTestDatabase } from '../support/database.ts';
import { openTestAccount } from '../support/limits.ts';
import { refusalOf } from '../support/refusal.ts';

describe('what an enhancement is told beside its text', () => {
  const database = useTestDatabase();
  let userId: string;
  beforeEach(async () => {
    userId = newId();
    await rows(database().db, 'INSERT INTO users (id, email) VALUES ($1, $2)', [
      userId,
      `${userId}@example.com`,
    ]);
    await openTestAccount(database(), userId);
  });

  const register = (name: string, data: object = {}, relations: string[] = []) => {
    const [type = '', id = ''] = name.split('/');
    return putAiEntity(database().db, {
      userId,
      type,
      id,
      title: `The ${type}`,
      data: data as Record<string, unknown>,
      relations: relations.map((other): AiRelation => {
        const [otherType = '', otherId = ''] = other.split('/');
        return { type: otherType, id: otherId, label: `its ${otherType}` };
      }),
    });
  };
  const assemble = (options: ContextOption[], context: Partial<EnhanceContext>, budgetTokens = 2_000) =>
    assembleContext(database().db, {
      userId,
      context: { fieldType: 'opportunity_description', ...context },
      options,
      budgetTokens,
      masker: createMasker(detectorsFor(undefined)),
    });
  const sources = (told: { source: string }[]) => told.map(({ source }) => source);

  describe('opportunity_details', () => {
    it('is the record, without the field that is edited', async () => {
      await register('opportunity/1', { stage: 'won', description: 'old text', contact: { city: 'Pune' } });
      const { text, report } = await assemble(['opportunity_details'], {
        entityId: '1',
        fieldId: 'description',
      });
      expect(text).to.equal(
        'opportunity "The opportunity" (the text stands in it):\nstage: "won"\ncontact.city: "Pune"',
      );
      expect(report.included).to.have.length(1);
      expect(report.included[0]).to.deep.include({
        option: 'opportunity_details',
        source: 'opportunity/1',
        cut: false,
      });
    });

    it('is also the opportunity that the record leads to', async () => {
      await register('project/1', { a: 1 }, ['company/2', 'task/3']);
      await register('company/2', { b: 2 });
      await register('task/3', { c: 3 }, ['opportunity/4']);
      await register('opportunity/4', { d: 4 });
      const { text, report } = await assemble(['opportunity_details'], {
        fieldType: 'project_note',
        entityId: '1',
      });
      expect(sources(report.included)).to.deep.equal(['project/1', 'opportunity/4']);
      expect(text).to.include('opportunity "The opportunity" (its opportunity of task/3):\nd: 4');
    });
  });

  describe('related_fields', () => {
    it('are the records that it leads to, nearest first, each once, three steps far', async () => {
      await register('opportunity/1', {}, ['company/2', 'note/3']);
      await register('company/2', {}, ['person/4']);
      await register('note/3', {}, ['person/4', 'missing/9']);
      await register('person/4', {}, ['city/5']);
      await register('city/5', {}, ['country/6']);
      await register('country/6');
      const { report } = await assemble(['related_fields'], { entityId: '1' });
      expect(sources(report.included)).to.deep.equal(['company/2', 'note/3', 'person/4', 'city/5']);
    });

    it('end where what was stored goes in a circle', async () => {
      await register('opportunity/1', {}, ['note/2']);
      await register('note/2', {}, ['opportunity/1', 'note/3']);
      await register('note/3', {}, ['note/2']);
      const { report } = await assemble(['related_fields'], { entityId: '1' });
      expect(sources(report.included)).to.deep.equal(['note/2', 'note/3']);
    });

    it('do not repeat what opportunity_details tell', async () => {
      await register('project/1', {}, ['opportunity/2', 'note/3']);
      await register('opportunity/2');
      await register('note/3');
      const context = { fieldType: 'project_note', entityId: '1' } as const;
      const { report } = await assemble(['related_fields', 'opportunity_details'], context);
      expect(sources(report.included)).to.deep.equal(['project/1', 'opportunity/2', 'note/3']);
    });
  });

  describe('current_tab', () => {
    it('is what the host says, first of all', async () => {
      await register('opportunity/1', { a: 1 });
      const { text, report } = await assemble(['opportunity_details', 'current_tab'], {
        entityId: '1',
        metadata: { tab: 'Deals', filter: { open: true }, rows: [1, 2] },
      });
      expect(sources(report.included)).to.deep.equal(['tab', 'opportunity/1']);
      expect(text.split('\n').slice(0, 5)).to.deep.equal([
        'What the author sees beside the text:',
        'tab: "Deals"',
        'filter.open: true',
        'rows.0: 1',
        'rows.1: 2',
      ]);
    });

    it('is not told unless it is asked for', async () => {
      await register('opportunity/1');
      const { text } = await assemble(['opportunity_details'], { entityId: '1', metadata: { tab: 'Deals' } });
      expect(text).to.not.include('Deals');
    });
  });

  describe('the record', () => {
    it('is named by its id, of the type that the field type belongs to, or by its type and id', async () => {
      for (const name of [
        'opportunity/1',
        'project/1',
        'table_row/1',
        'comment/1',
        'invoice/1',
        'project/a/b',
      ])
        await register(name.replace('a/b', 'x'), { name });
      const sourceOf = async (context: Partial<EnhanceContext>) =>
        (await assemble(['opportunity_details'], context)).report.included[0]?.source;
      expect(await sourceOf({ fieldType: 'opportunity_description', entityId: '1' })).to.equal(
        'opportunity/1',
      );
      expect(await sourceOf({ fieldType: 'project_note', entityId: '1' })).to.equal('project/1');
      expect(await sourceOf({ fieldType: 'table_cell', entityId: '1' })).to.equal('table_row/1');
      expect(await sourceOf({ fieldType: 'comment', entityId: '1' })).to.equal('comment/1');
      expect(await sourceOf({ fieldType: 'custom_field', entityId: '1' })).to.equal('opportunity/1');
      expect(await sourceOf({ fieldType: 'custom_field', entityId: 'invoice/1' })).to.equal('invoice/1');
    });

    it('must be registered by this user', async () => {
      await register('opportunity/1');
      userId = newId();
      for (const option of ['opportunity_details', 'related_fields'] as const) {
        expect(await refusalOf(assemble([option], { entityId: '1' }))).to.deep.equal({
          code: 'not_found',
          paths: ['body.context.entityId'],
        });
      }
    });
  });

  describe('the budget', () => {
    const lines = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`field${n}`, `value number ${n}`]));

    it('is never exceeded; the nearest comes first, the first lines of what does not fit whole, and the rest is named', async () => {
      await register('opportunity/1', lines(20), ['note/2', 'note/3', 'note/4']);
      for (const name of ['note/2', 'note/3', 'note/4']) await register(name, lines(20));
      const whole = await assemble(['opportunity_details', 'related_fields'], { entityId: '1' }, 10_000);
      for (let budget = 0; budget <= whole.report.tokens + 20; budget += 37) {
        const { text, report } = await assemble(
          ['opportunity_details', 'related_fields'],
          { entityId: '1' },
          budget,
        );
        expect(report.tokens).to.be.at.most(budget);
        expect(await countTokens(text)).to.be.at.most(Math.max(budget, 0));
        const all = [...report.included, ...report.omitted];
        expect(sources(all)).to.deep.equal(['opportunity/1', 'note/2', 'note/3', 'note/4']);
        expect(report.included.slice(0, -1).every(({ cut }) => !cut)).to.equal(true);
        expect(whole.text.startsWith(text.split('\n').slice(0, -1).join('\n'))).to.equal(true);
      }
      expect(whole.report.omitted).to.deep.equal([]);
    });

    it('cuts long lines, so that one field does not keep out all others', async () => {
      await register('opportunity/1', { long: 'word '.repeat(5_000), short: 'here' });
      const { text } = await assemble(['opportunity_details'], { entityId: '1' }, 500);
      expect(text).to.include('short: "here"').and.include('…');
    });
  });

  describe('masking', () => {
    it('covers all of it, with the placeholders of the text', async () => {
      await register(
        'opportunity/1',
        {
          owner: 'ann@example.com',
          apiKey: 'abcdef',
          phone: '+1 415 555 2671',
          note: 'hi\npassword: hunter2\nbye',
        },
        ['note/2'],
      );
      await register('note/2', { from: 'bob@example.com', to: 'ann@example.com' });
      const masker = createMasker(detectorsFor(undefined));
      await masker.mask('Dear bob@example.com,');
      const { text } = await assembleContext(database().db, {
        userId,
        context: {
          fieldType: 'opportunity_description',
          entityId: '1',
          metadata: { user: 'bob@example.com' },
        },
        options: ['opportunity_details', 'related_fields', 'current_tab'],
        budgetTokens: 1_000,
        masker,
      });
      expect(text).to.include('user: "[EMAIL_1]"');
      expect(text).to.include('owner: "[EMAIL_2]"\napiKey: "[SECRET_1]"\nphone: "[PHONE_1]"');
      expect(text).to.include('password: [SECRET_2]\nbye');
      expect(text).to.include('from: "[EMAIL_1]"\nto: "[EMAIL_2]"');
      expect(masker.counts).to.deep.equal({ ...NONE_MASKED, email: 2, phone: 1, secret: 2 });
    });

    it('covers what the names above a value say, with the placeholders of the text', async () => {
      await register('opportunity/1', {
        login: { password: { current: 'Hunter2', before: 'Hunter1\nHunter0' } },
        owners: [{ phones: ['4155552671'], ssns: [123456789] }],
      });
      const masker = createMasker(detectorsFor(undefined));
      await masker.mask('The password is Hunter2.');
      const { text } = await assembleContext(database().db, {
        userId,
        context: {
          fieldType: 'opportunity_description',
          entityId: '1',
          metadata: { tokens: { old: ['Hunter2'] } },
        },
        options: ['opportunity_details', 'current_tab'],
        budgetTokens: 1_000,
        masker,
      });
      expect(text).to.include('tokens.old.0: "[SECRET_1]"');
      expect(text).to.include('login.password.current: "[SECRET_1]"\nlogin.password.before: \n[SECRET_2]');
      expect(text).to.include('owners.0.phones.0: "[PHONE_1]"\nowners.0.ssns.0: [SSN_1]');
      expect(masker.counts).to.deep.equal({ ...NONE_MASKED, phone: 1, ssn: 1, secret: 2 });
    });

    it('does not count what was left out', async () => {
      const many = Object.fromEntries(
        Array.from({ length: 200 }, (_, n) => [`f${n}`, `user${n}@example.com`]),
      );
      await register('opportunity/1', many, ['note/2']);
      await register('note/2', { mail: 'somebody@example.com' });
      const masker = createMasker(detectorsFor(undefined));
      const { text } = await assembleContext(database().db, {
        userId,
        context: { fieldType: 'opportunity_description', entityId: '1' },
        options: ['opportunity_details', 'related_fields'],
        budgetTokens: 300,
        masker,
      });
      expect(masker.counts.email).to.equal(text.match(/\[EMAIL_\d+\]/g)?.length);
    });

    it('finds a secret that is longer than what is told of its line', async () => {
      const key = `-----BEGIN PRIVATE KEY-----${'MIIEow'.repeat(400)}-----END PRIVATE KEY-----`;
      await register('opportunity/1', { [`x${'y'.repeat(900)}`]: key });
      const { text } = await assemble(['opportunity_details'], { entityId: '1' });
      expect(text).to.not.include('MIIEow');
    });
  });
});
