import { expect } from 'chai';
import type { AppError } from '../../src/base/errors.ts';
import { newId } from '../../src/base/ids.ts';
import { type AccessTokens, createAccessTokens } from '../../src/services/access-tokens.ts';

const SECRET = 'a secret that is long enough for a test';
const ONE_SECOND = 1 / 60;

function refusalOf(tokens: AccessTokens, token: string): string | undefined {
  try {
    tokens.verify(token);
    return undefined;
  } catch (error) {
    return (error as AppError).code;
  }
}

describe('access tokens that come again', () => {
  const user = { id: newId(), role: 'user' };

  it('say the same each time', () => {
    const tokens = createAccessTokens({ secret: SECRET, minutes: 15 });
    const [mine, theirs] = [tokens.issue(user, newId()).token, tokens.issue(user, newId()).token];
    const first = [tokens.verify(mine), tokens.verify(theirs)];
    expect([tokens.verify(mine), tokens.verify(theirs)]).to.deep.equal(first);
    expect(first[0]?.familyId).not.to.equal(first[1]?.familyId);
    expect(createAccessTokens({ secret: SECRET, minutes: 15 }).verify(mine)).to.deep.equal(first[0]);
  });

  it('expire, however often they were good', () => {
    const tokens = createAccessTokens({ secret: SECRET, minutes: ONE_SECOND });
    const realNow = Date.now;
    let at = 1_000_000_000;
    try {
      Date.now = () => at;
      const { token } = tokens.issue(user, newId());
      expect(refusalOf(tokens, token)).to.equal(undefined);
      at += 999;
      expect(refusalOf(tokens, token)).to.equal(undefined);
      at += 1;
      expect(refusalOf(tokens, token)).to.equal('token_expired');
    } finally {
      Date.now = realNow;
    }
  });

  it('are not taken for good ones when they are not', () => {
    const tokens = createAccessTokens({ secret: SECRET, minutes: 15 });
    const { token } = tokens.issue(user, newId());
    tokens.verify(token);
    const forged = createAccessTokens({ secret: `${SECRET}!`, minutes: 15 }).issue(user, newId()).token;
    for (const bad of [`${token}x`, token.slice(0, -1), forged]) {
      expect(refusalOf(tokens, bad)).to.equal('unauthenticated');
      expect(refusalOf(tokens, bad)).to.equal('unauthenticated');
    }
  });

  it('are found out about anew when there were thousands since', () => {
    const tokens = createAccessTokens({ secret: SECRET, minutes: 15 });
    const { token } = tokens.issue(user, newId());
    const before = tokens.verify(token);
    for (let n = 0; n < 5_100; n++) tokens.verify(tokens.issue(user, newId()).token);
    expect(tokens.verify(token)).to.deep.equal(before);
    expect(tokens.verify(token)).not.to.equal(before);
  });
});
