import { expect } from 'chai';
import { loadConfig } from '../../src/base/config.ts';
import { inWords, waitInWords } from '../../src/services/duration-words.ts';
import { ratePolicies } from '../../src/services/rate-policies.ts';

const PRODUCTION = { NODE_ENV: 'production', JWT_SECRET: 'a secret of the tests, long enough to be one' };
const policiesOf = (env: Record<string, string>) => ratePolicies(loadConfig(env));

describe('the rate limits of a configuration', () => {
  it('are in production what the specification says', () => {
    expect(policiesOf(PRODUCTION)).to.deep.equal({
      global: { limit: 100, windowSeconds: 900 },
      auth: { limit: 10, windowSeconds: 900 },
      generation: { limit: 50, windowSeconds: 3_600 },
      login: { limit: 10, windowSeconds: 900 },
      resetMail: { limit: 5, windowSeconds: 3_600 },
    });
  });

  it('are a hundred times as generous elsewhere, except to who guesses passwords and fills mailboxes', () => {
    for (const env of [{}, { NODE_ENV: 'test' }, { NODE_ENV: 'development' }]) {
      expect(policiesOf(env)).to.deep.equal({
        global: { limit: 10_000, windowSeconds: 900 },
        auth: { limit: 1_000, windowSeconds: 900 },
        generation: { limit: 5_000, windowSeconds: 3_600 },
        login: { limit: 10, windowSeconds: 900 },
        resetMail: { limit: 5, windowSeconds: 3_600 },
      });
    }
  });

  it('are what is set, everywhere', () => {
    const env = {
      RATE_LIMIT_GLOBAL_REQUESTS: '7',
      RATE_LIMIT_GLOBAL_MINUTES: '0.5',
      RATE_LIMIT_AUTH_REQUESTS: '3',
      RATE_LIMIT_AUTH_MINUTES: '1',
      RATE_LIMIT_GENERATION_REQUESTS: '5',
      RATE_LIMIT_GENERATION_MINUTES: '120',
      LOGIN_FAILURES: '4',
      LOGIN_FAILURES_MINUTES: '2',
    };
    const expected = {
      global: { limit: 7, windowSeconds: 30 },
      auth: { limit: 3, windowSeconds: 60 },
      generation: { limit: 5, windowSeconds: 7_200 },
      login: { limit: 4, windowSeconds: 120 },
      resetMail: { limit: 5, windowSeconds: 3_600 },
    };
    expect(policiesOf(env)).to.deep.equal(expected);
    expect(policiesOf({ ...PRODUCTION, ...env })).to.deep.equal(expected);
  });

  it('are a second long at least', () => {
    expect(policiesOf({ RATE_LIMIT_AUTH_MINUTES: '0.001' }).auth?.windowSeconds).to.equal(1);
  });

  it('are none when they are switched off', () => {
    expect(policiesOf({ RATE_LIMITS: 'off', RATE_LIMIT_GLOBAL_REQUESTS: '7' })).to.deep.equal({
      global: undefined,
      auth: undefined,
      generation: undefined,
      login: undefined,
      resetMail: undefined,
    });
  });
});

describe('a duration in words', () => {
  it('is exact in the largest unit that it fills', () => {
    const said = [1, 45, 60, 90, 900, 3_600, 5_400, 7_200, 86_400, 604_800].map(inWords);
    expect(said).to.deep.equal([
      'a second',
      '45 seconds',
      'a minute',
      '90 seconds',
      '15 minutes',
      'an hour',
      '90 minutes',
      '2 hours',
      'a day',
      '7 days',
    ]);
  });

  it('is rounded up when it is a wait', () => {
    const said = [1, 59, 61, 121, 690, 3_599, 3_601, 7_201, 86_399].map(waitInWords);
    expect(said).to.deep.equal([
      'a second',
      '59 seconds',
      '61 seconds',
      '3 minutes',
      '12 minutes',
      'an hour',
      '61 minutes',
      '3 hours',
      'a day',
    ]);
  });
});
