import { expect } from 'chai';
import { failureWords } from '../../src/base/failure-words.ts';

describe('what a failure says', () => {
  it('is its message, and of several those of all', () => {
    expect(failureWords(new Error('One.'))).to.equal('One.');
    expect(failureWords(new AggregateError([new Error('::1 refused'), '127.0.0.1 refused']))).to.equal(
      '::1 refused; 127.0.0.1 refused',
    );
  });
});
