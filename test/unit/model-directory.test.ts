import { expect } from 'chai';
import { AppError } from '../../src/base/errors.ts';
import { createModelDirectory, type Model } from '../../src/services/model-directory.ts';
import { testModel } from '../support/models.ts';

const SERVED = ['echo', 'openai', 'openrouter', 'huggingface'];

describe('the model directory', () => {
  const directoryOf = (...models: (string | Model)[]) =>
    createModelDirectory(
      SERVED,
      models.map((each) => (typeof each === 'string' ? testModel(each) : each)),
    );
  const off = (id: string) => testModel(id, { enabled: false });

  it('finds by the full id what can be asked, and nothing else', () => {
    const models = directoryOf('echo', 'openai/gpt-4.1', 'gemini/x', off('openai/off'));
    expect(models.find('openai/gpt-4.1')).to.include({ provider: 'openai', name: 'gpt-4.1' });
    expect(models.find('echo')).to.include({ id: 'echo' });
    for (const id of ['gpt-4.1', 'gemini/x', 'openai/off', 'openai/none', '', '__proto__']) {
      expect(models.find(id), id).to.equal(undefined);
    }
  });

  it('resolves a bare name: that of a vendor before those of resellers', () => {
    const models = directoryOf(
      'echo',
      'openai/gpt-4.1',
      'openrouter/openai/gpt-4.1',
      'openrouter/meta/llama',
      'huggingface/Qwen/Qwen3',
    );
    const resolved = (id: string) => models.resolve(id, 'body.model').id;
    expect(resolved('gpt-4.1')).to.equal('openai/gpt-4.1');
    expect(resolved('llama')).to.equal('openrouter/meta/llama');
    expect(resolved('meta/llama')).to.equal('openrouter/meta/llama');
    expect(resolved('Qwen3')).to.equal('huggingface/Qwen/Qwen3');
    expect(resolved('openrouter/openai/gpt-4.1')).to.equal('openrouter/openai/gpt-4.1');
    expect(resolved('echo')).to.equal('echo');
    expect(resolved('echo/echo')).to.equal('echo');
  });

  it('takes the name of a family for its newest member', () => {
    const resolved = (...models: (string | Model)[]) =>
      directoryOf(...models).resolve('gemini-flash', 'p').id;
    const sold = ['openrouter/google/gemini-2.5-flash', 'openrouter/google/gemini-3-flash'];
    expect(resolved(...sold, 'openrouter/google/gemini-3.5-flash-lite')).to.equal(sold[1]);
    expect(resolved(...sold, 'openai/gemini-2-flash', 'openai/gemini-2.5-flash')).to.equal(
      'openai/gemini-2.5-flash',
    );
    expect(resolved('openai/gemini-2-flash', off('openai/gemini-9-flash'))).to.equal('openai/gemini-2-flash');
    expect(resolved('openai/gemini-flash', 'openai/gemini-2-flash')).to.equal('openai/gemini-flash');
    expect(() => resolved('gemini/gemini-3-flash')).to.throw(AppError, 'no key');
    for (const none of ['constructor', 'gemini-pro']) {
      expect(directoryOf(...sold).candidates(none), none).to.deep.equal([]);
    }
  });

  it('passes over what cannot be asked when a name is bare', () => {
    expect(
      directoryOf(off('openai/gpt-4.1'), 'openrouter/openai/gpt-4.1').resolve('gpt-4.1', 'p').id,
    ).to.equal('openrouter/openai/gpt-4.1');
    expect(
      directoryOf('gemini/flash', 'openrouter/google/flash', off('huggingface/google/flash')).resolve(
        'flash',
        'p',
      ).id,
    ).to.equal('openrouter/google/flash');
  });

  it('refuses with a reason of its own, naming the field', () => {
    const models = directoryOf(
      off('openai/off'),
      testModel('openai/gone', { enabled: false, vanished: true }),
      'gemini/flash',
      'openrouter/meta/llama',
      'huggingface/meta/llama',
    );
    const reasons: [id: string, why: RegExp][] = [
      ['nothing', /"nothing" is not a model of this server/],
      ['openai/nothing', /is not a model of this server/],
      ['openai/off', /is switched off on this server/],
      ['off', /is switched off on this server/],
      ['openai/gone', /is not offered by its provider any more/],
      ['gemini/flash', /belongs to gemini, for which this server has no key/],
      ['flash', /belongs to gemini, for which this server has no key/],
      [
        'llama',
        /may be one of several; name one of them: openrouter\/meta\/llama, huggingface\/meta\/llama\.$/,
      ],
    ];
    for (const [id, why] of reasons) {
      expect(() => models.resolve(id, 'body.models.1'), id)
        .to.throw(AppError, why)
        .that.deep.includes({ code: 'model_not_available', status: 422 })
        .and.has.nested.property('errors[0].path', 'body.models.1');
    }
  });

  it('looks once more for what another process admitted', async () => {
    let reads = 0;
    const models = createModelDirectory(SERVED, [testModel('openai/a')], async () => {
      reads += 1;
      models.replace([testModel('openai/a'), testModel('openai/new')]);
    });
    expect(await models.findAdmitted('openai/a')).to.include({ id: 'openai/a' });
    expect(reads).to.equal(0);
    expect(await models.findAdmitted('openai/new')).to.include({ id: 'openai/new' });
    expect(await models.findAdmitted('openai/none')).to.equal(undefined);
    expect(reads).to.equal(2);
  });

  it('knows only the last catalogue that it was given', () => {
    const models = directoryOf('openai/a', 'openai/b');
    models.replace([testModel('openai/b', { title: 'New' }), testModel('openai/c')]);
    expect(models.find('openai/a')).to.equal(undefined);
    expect(models.find('openai/b')?.title).to.equal('New');
    expect(models.resolve('c', 'p').id).to.equal('openai/c');
    expect(() => models.resolve('a', 'p')).to.throw(/not a model/);
  });
});
