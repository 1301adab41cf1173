import { expect } from 'chai';
import fc from 'fast-check';
import { type RespPush, RespPushes } from '../../src/feed/resp-pushes.ts';

function read(chunks: Buffer[]): unknown[] {
  const pushes: RespPush[] = [];
  const reader = new RespPushes((push) => pushes.push(push));
  for (const chunk of chunks) reader.read(Buffer.from(chunk));
  return pushes.map((push) => (Array.isArray(push) ? push.map(String) : push));
}

const push = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

describe('RespPushes', () => {
  it('reads messages, confirmations and single lines', () => {
    const wire = `${push('smessage', 'room', 'text')}*3\r\n$10\r\nssubscribe\r\n$4\r\nroom\r\n:12\r\n+PONG\r\n-ERR no\r\n`;
    const [message, confirmation, line, error] = read([Buffer.from(wire)]);
    expect(message).to.deep.equal(['smessage', 'room', 'text']);
    expect(confirmation).to.deep.equal(['ssubscribe', 'room', '12']);
    expect(line).to.equal('PONG');
    expect(error).to.be.an('error').with.property('message', 'ERR no');
  });

  it('reads what is nothing: no channel is left', () => {
    expect(read([Buffer.from('*3\r\n$12\r\nsunsubscribe\r\n$-1\r\n:0\r\n')])).to.deep.equal([
      ['sunsubscribe', '', '0'],
    ]);
  });

  it('gives the same, however the bytes are cut', () => {
    const words = fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(words, { maxLength: 6 }), fc.array(fc.nat(500)), (messages, cuts) => {
        const wire = Buffer.from(messages.map((message) => push(...message)).join(''));
        const ends = [...cuts.filter((cut) => cut < wire.length).sort((a, b) => a - b), wire.length];
        const chunks = ends.map((end, index) => wire.subarray(ends[index - 1] ?? 0, end));
        const clean = messages.map((message) => message.map((word) => Buffer.from(word).toString()));
        expect(read(chunks)).to.deep.equal(clean);
      }),
    );
  });

  it('refuses what it would misread', () => {
    expect(() => read([Buffer.from('$5\r\nhello\r\n')])).to.throw('no push');
    expect(() => read([Buffer.from('*1\r\n*1\r\n')])).to.throw('no word');
  });
});
