import { expect } from 'chai';
import { QueryFailedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { AppError } from '../../src/base/errors.ts';
import { isOutage } from '../../src/data/outage.ts';
import { presentProblem } from '../../src/presenters/problem.ts';

const answered = (code: string) => new QueryFailedError('', [], Object.assign(new Error('no'), { code }));
const refused = Object.assign(new Error('connect ECONNREFUSED'), {
  code: 'ECONNREFUSED',
  syscall: 'connect',
});

describe('an outage of PostgreSQL', () => {
  const OUTAGES: Record<string, unknown> = {
    'a connection that an administrator ended': answered('57P01'),
    'a server that is starting': answered('57P03'),
    'a server that is full': answered('53300'),
    'a connection that failed': answered('08006'),
    'a connection that ended in the middle': new QueryFailedError('', [], new Error('Connection terminated')),
    'a transaction whose connection is gone': new QueryRunnerProviderAlreadyReleasedError(),
    'nobody who listens': refused,
    'nobody who listens, on either address': new AggregateError([refused, refused]),
  };
  for (const [what, error] of Object.entries(OUTAGES)) {
    it(`is ${what}`, () => {
      expect(isOutage(error)).to.equal(true);
      const { status, code, retryAfterSeconds, detail } = presentProblem(error, 'r');
      expect({ status, code, retryAfterSeconds }).to.deep.equal({
        status: 503,
        code: 'not_ready',
        retryAfterSeconds: 2,
      });
      expect(detail).to.not.match(/ECONN|terminated/);
    });
  }

  const OTHERS: Record<string, unknown> = {
    'a value that is there already': answered('23505'),
    'a deadlock': answered('40P01'),
    'a statement that took too long': answered('57014'),
    'a mistake of ours': new TypeError('undefined is not a function'),
    'a file that is not there': Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'open' }),
    'a refusal': new AppError('not_found', 'There is no such message.'),
    'nothing that is an error': 'ECONNREFUSED',
  };
  for (const [what, error] of Object.entries(OTHERS)) {
    it(`is not ${what}`, () => {
      expect(isOutage(error)).to.equal(false);
      expect(presentProblem(error, 'r').status).to.not.equal(503);
    });
  }
});
