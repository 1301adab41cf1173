import { expect } from 'chai';
import { AnswerTooLongError } from '../../src/providers/answer-too-long.ts';
import { type CallFragment, ToolCallCollector } from '../../src/providers/tool-call-collector.ts';

function collect(fragments: CallFragment[]): string[] {
  const collector = new ToolCallCollector();
  for (const fragment of fragments) collector.add(fragment);
  return collector.calls().map(({ id, name, arguments: text }) => `${id} ${name} ${text}`);
}

describe('the calls of an answer', () => {
  it('may be written at the same time, and end in any order', () => {
    expect(
      collect([
        { index: 0, id: 'x', name: 'a' },
        { index: 1, id: 'y', name: 'b' },
        { index: 1, text: '{"n":' },
        { index: 0, text: '{"m":' },
        { index: 1, text: '2}' },
        { index: 0, text: '1}' },
      ]),
    ).to.deep.equal(['x a {"m":1}', 'y b {"n":2}']);
  });

  it('stay in the order in which they begin, whatever their numbers', () => {
    expect(
      collect([
        { index: 3, id: 'x', name: 'a' },
        { index: 1, id: 'y', name: 'b' },
      ]),
    ).to.deep.equal(['x a {}', 'y b {}']);
  });

  it('may have a name in pieces', () => {
    const pieces = [
      { index: 0, id: 'x', name: 'get_' },
      { index: 0, name: 'time' },
      { index: 0, text: '{}' },
    ];
    expect(collect(pieces)).to.deep.equal(['x get_time {}']);
  });

  it('go on with the latest where a fragment tells neither the number nor the id', () => {
    expect(collect([{ id: 'x', name: 'a' }, { text: '{"n"' }, { index: 0, text: ':1}' }])).to.deep.equal([
      'x a {"n":1}',
    ]);
  });

  it('go on by their ids where there are no numbers', () => {
    expect(
      collect([
        { id: 'x', name: 'a' },
        { id: 'y', name: 'b' },
        { id: 'x', name: 'a', text: '{"n":1}' },
      ]),
    ).to.deep.equal(['x a {"n":1}', 'y b {}']);
  });

  it('are two where one number has two names', () => {
    expect(
      collect([
        { index: 0, name: 'a', id: 'x', text: '{}' },
        { index: 0, name: 'b', text: '{}' },
      ]).map((call) => call.split(' ')[1]),
    ).to.deep.equal(['a', 'b']);
  });

  it('are 128 and a million characters at most', () => {
    const collector = new ToolCallCollector();
    for (let n = 0; n < 128; n += 1) collector.add({ index: n, name: 'f' });
    expect(() => collector.add({ index: 128, name: 'f' })).to.throw(AnswerTooLongError, '128 calls');
    collector.add({ index: 0, text: 'x'.repeat(1024 * 1024 - 128) });
    expect(() => collector.add({ index: 1, text: 'x' })).to.throw(AnswerTooLongError, '1048576 characters');
  });
});
