import { expect } from 'chai';
import { AppError, asGiven, invalidField } from '../../src/base/errors.ts';

describe('a refusal, as the caller gave the fields', () => {
  const renamed = (path: string, root: string, given: string) => {
    const error = asGiven(invalidField(path, 'is wrong'), root, given) as AppError;
    return [error.errors?.[0]?.path, error.message];
  };

  it('names what they gave', () => {
    expect(renamed('body.model', 'body', 'query')).to.deep.equal(['query.model', 'query.model: is wrong']);
    expect(renamed('body.content', 'body.content', 'query.prompt')).to.deep.equal([
      'query.prompt',
      'query.prompt: is wrong',
    ]);
  });

  it('leaves other names and other failures as they are', () => {
    expect(renamed('body.contents', 'body.content', 'query.prompt')[0]).to.equal('body.contents');
    expect(renamed('session.settings.maxTokens', 'body', 'query')[0]).to.equal('session.settings.maxTokens');
    const fault = new Error('body.model');
    expect(asGiven(fault, 'body', 'query')).to.equal(fault);
    const plain = new AppError('not_found', 'body.model');
    expect(asGiven(plain, 'body', 'query')).to.equal(plain);
  });
});
