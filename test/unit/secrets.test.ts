import { expect } from 'chai';
import { looksLikeSecret, newSecret } from '../../src/base/secrets.ts';

describe('newSecret', () => {
  it('is fit for URLs, as long as it was asked for, and never the same', () => {
    expect(newSecret()).to.match(/^[\w-]{43}$/);
    expect(newSecret(16)).to.match(/^[\w-]{22}$/);
    expect(new Set(Array.from({ length: 100 }, () => newSecret())).size).to.equal(100);
  });
});

describe('looksLikeSecret', () => {
  it('knows a secret by its length and its letters', () => {
    const secret = newSecret();
    expect(looksLikeSecret(secret)).to.equal(true);
    for (const other of ['', secret.slice(1), `${secret}A`, `${secret.slice(1)}+`, `${secret}\n`]) {
      expect(looksLikeSecret(other), other).to.equal(false);
    }
  });
});
