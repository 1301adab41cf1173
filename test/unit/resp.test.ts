import { expect } from 'chai';
import fc from 'fast-check';
import { parseRedisUrl } from '../../src/feed/resp-address.ts';
import { RespReplies, type RespReply } from '../../src/feed/resp-replies.ts';

function read(chunks: string[]): RespReply[] {
  const replies: RespReply[] = [];
  const reader = new RespReplies((reply) => replies.push(reply));
  for (const chunk of chunks) reader.read(chunk);
  return replies;
}

describe('RespReplies', () => {
  it('reads integers, simple strings and errors', () => {
    const [integer, text, error] = read([':42\r\n+OK\r\n-ERR no such thing\r\n']);
    expect(integer).to.equal(42);
    expect(text).to.equal('OK');
    expect(error).to.be.an('error').with.property('message', 'ERR no such thing');
  });

  it('gives the same, however the bytes are cut', () => {
    const wire = ':1\r\n+OK\r\n:-7\r\n+\r\n:1234567890\r\n';
    fc.assert(
      fc.property(fc.array(fc.nat(wire.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), wire.length];
        const chunks = at.slice(1).map((end, index) => wire.slice(at[index], end));
        expect(read(chunks)).to.deep.equal([1, 'OK', -7, '', 1_234_567_890]);
      }),
    );
  });

  it('keeps what is not complete to itself', () => {
    expect(read([':1\r\n:2', '\r'])).to.deep.equal([1]);
  });

  it('refuses what it would misread', () => {
    expect(() => read(['$5\r\nhello\r\n'])).to.throw('something else');
  });
});

describe('parseRedisUrl', () => {
  const hello = ['CLIENT', 'SETNAME', 'me'];

  it('takes the defaults', () => {
    const { tls, socket, greeting } = parseRedisUrl('redis://localhost', 'me');
    expect(tls).to.equal(false);
    expect(socket).to.include({ host: 'localhost', port: 6379 });
    expect(greeting).to.deep.equal([hello]);
  });

  it('takes user, password, port and database', () => {
    const { socket, greeting } = parseRedisUrl('redis://ann:p%40ss@cache:7000/3', 'me');
    expect(socket).to.include({ host: 'cache', port: 7000 });
    expect(greeting).to.deep.equal([['AUTH', 'ann', 'p@ss'], hello, ['SELECT', '3']]);
    expect(parseRedisUrl('redis://:secret@cache', 'me').greeting[0]).to.deep.equal(['AUTH', 'secret']);
  });

  it('knows TLS, with a name to be checked where there is one', () => {
    expect(parseRedisUrl('rediss://cache', 'me')).to.deep.include({ tls: true });
    expect(parseRedisUrl('rediss://cache', 'me').socket).to.include({ servername: 'cache' });
    expect(parseRedisUrl('rediss://10.0.0.1', 'me').socket).not.to.have.property('servername');
    expect(parseRedisUrl('redis://[::1]:7000', 'me').socket).to.include({ host: '::1', port: 7000 });
  });
});
