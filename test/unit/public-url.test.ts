import { expect } from 'chai';
import { listeningUrl, publicUrl } from '../../src/base/public-url.ts';

describe('the URL of a server', () => {
  it('is one that can be opened, also where it listens on IPv6', () => {
    expect(listeningUrl('127.0.0.1', 3001)).to.equal('http://127.0.0.1:3001');
    expect(listeningUrl('::1', 3001)).to.equal('http://[::1]:3001');
    expect(publicUrl({ PUBLIC_URL: undefined, HOST: '::', PORT: 3001 })).to.equal('http://[::]:3001');
  });

  it('is PUBLIC_URL where that is set, without a slash at its end', () => {
    const set = { PUBLIC_URL: 'https://chat.example.com/parley/', HOST: '0.0.0.0', PORT: 3001 };
    expect(publicUrl(set)).to.equal('https://chat.example.com/parley');
  });
});
