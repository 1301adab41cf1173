import { expect } from 'chai';
import fc from 'fast-check';
import { AnswerTooLongError } from '../../src/providers/answer-too-long.ts';
import { SseParser } from '../../src/providers/sse-parser.ts';

function parse(chunks: (string | Buffer)[], maxEventBytes?: number): string[] {
  const events: string[] = [];
  const parser = new SseParser({
    onData: (data) => events.push(data),
    ...(maxEventBytes ? { maxEventBytes } : {}),
  });
  for (const chunk of chunks) parser.push(Buffer.from(chunk));
  parser.end();
  return events;
}

/** The standard's algorithm over the whole body at once, written for clarity; it also counts a cut-off last event. */
function parseSimply(body: string): string[] {
  const events: string[] = [];
  let data: string[] = [];
  const lines = body.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  for (const line of [...lines, '']) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (line === '' && data.length > 0) events.push(data.join('\n'));
    if (line === '') data = [];
    else if (field === 'data') data.push(value);
  }
  return events;
}

describe('SseParser', () => {
  it('gives the data of each event', () => {
    expect(parse(['data: one\n\ndata: two\n\n'])).to.deep.equal(['one', 'two']);
  });

  it('takes a field with and without the space, and takes off only one', () => {
    expect(parse(['data:a\n\ndata: b\n\ndata:  c\n\n'])).to.deep.equal(['a', 'b', ' c']);
  });

  it('joins the lines of an event, empty ones too', () => {
    expect(parse(['data: a\ndata\ndata:\ndata: b\n\n'])).to.deep.equal(['a\n\n\nb']);
  });

  it('ignores comments, other fields and events without data', () => {
    expect(
      parse([': ping\n\nevent: x\nid: 1\nretry: 5\nnonsense\ndatabase: y\n\ndata: a\n\n']),
    ).to.deep.equal(['a']);
  });

  it('ends lines at LF, CRLF and CR, wherever the reads are cut', () => {
    const body = 'data: a\r\n\r\ndata: b\r\rdata: c\n\n';
    expect(parse([body])).to.deep.equal(['a', 'b', 'c']);
    expect(parse([...body])).to.deep.equal(['a', 'b', 'c']);
  });

  it('gives an event as soon as its blank line has come', () => {
    for (const lineEnd of ['\n', '\r\n', '\r']) {
      const events: string[] = [];
      const parser = new SseParser({ onData: (data) => events.push(data) });
      parser.push(Buffer.from(`data: a${lineEnd}`));
      expect(events).to.deep.equal([]);
      parser.push(Buffer.from(lineEnd));
      expect(events, JSON.stringify(lineEnd)).to.deep.equal(['a']);
    }
  });

  it('puts UTF-8 sequences together that are cut', () => {
    expect(parse([...Buffer.from('data: é日👍\n\n')].map((byte) => Buffer.from([byte])))).to.deep.equal([
      'é日👍',
    ]);
  });

  it('counts an event that lacks its last line end', () => {
    expect(parse(['data: [DO', 'NE]'])).to.deep.equal(['[DONE]']);
  });

  it('ignores a byte order mark', () => {
    expect(parse(['\uFEFFdata: a\n\n'])).to.deep.equal(['a']);
  });

  it('refuses an event that is too long, in one line or in many', () => {
    expect(() => parse(['data: ', 'x'.repeat(60), 'x'.repeat(60)], 100)).to.throw(AnswerTooLongError);
    expect(() => parse(['data: x\n'.repeat(60)], 100)).to.throw(AnswerTooLongError);
    expect(parse([`data: ${'x'.repeat(50)}\n\n`.repeat(9)], 100)).to.have.length(9);
  });

  it('gives the same for any body, however its bytes are cut', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'data',
        'data:',
        'data: ',
        'event: x',
        ':',
        ' ',
        '\n',
        '\r',
        '\r\n',
        '\n\n',
        'é',
        '👍',
        '\uFEFF',
      ),
      fc.string({ maxLength: 3 }),
    );
    const body = fc.array(piece, { maxLength: 40 }).map((parts) => parts.join('').toWellFormed());
    fc.assert(
      fc.property(body, fc.array(fc.nat()), (text, cuts) => {
        const bytes = Buffer.from(text);
        const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const chunks = edges.slice(1).map((edge, n) => bytes.subarray(edges[n], edge));
        expect(parse(chunks)).to.deep.equal(parseSimply(text));
      }),
      { numRuns: 5000 },
    );
  });
});
