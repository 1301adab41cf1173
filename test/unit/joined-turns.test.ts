import { expect } from 'chai';
import type { ChatTurn } from '../../src/contracts/prompt.ts';
import { joinTurns } from '../../src/providers/joined-turns.ts';

const text = (words: string) => ({ type: 'text' as const, text: words });
const image = { type: 'image' as const, url: 'https://example.com/a.png' };
const call = (id: string) => ({ id, name: 'f', arguments: '{}' });
const shapes = (turns: ChatTurn[]) =>
  joinTurns(turns).map(({ role, parts, calls, answers }) => ({
    role,
    parts: parts.map((part) => (part.type === 'text' ? part.text : 'IMAGE')),
    calls: calls.map(({ id }) => id),
    answers: answers.map(({ callId }) => callId),
  }));
const only = (fields: object) => ({ parts: [], calls: [], answers: [], ...fields });

describe('turns that are joined', () => {
  it('keep their parts in order, and texts that meet become one', () => {
    expect(
      shapes([
        { role: 'user', content: 'One' },
        { role: 'user', content: 'Two', parts: [text('Two'), image, text('Three')] },
        { role: 'user', content: 'Four' },
        { role: 'user', content: '', parts: [image] },
      ]),
    ).to.deep.equal([only({ role: 'user', parts: ['One\n\nTwo', 'IMAGE', 'Three\n\nFour', 'IMAGE'] })]);
  });

  it('are left out when they are blank, but not with a picture or a call', () => {
    expect(
      shapes([
        { role: 'user', content: ' ', parts: [text(' '), image] },
        { role: 'assistant', content: '' },
        { role: 'user', content: '', parts: [text('\n')] },
        { role: 'assistant', content: '', toolCalls: [call('x')] },
      ]),
    ).to.deep.equal([only({ role: 'user', parts: ['IMAGE'] }), only({ role: 'assistant', calls: ['x'] })]);
  });

  it('are the calls of one turn, and all that answers them in one turn of the user', () => {
    expect(
      shapes([
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'First', toolCalls: [call('x')] },
        { role: 'assistant', content: '', toolCalls: [call('y')] },
        { role: 'tool', content: '', toolCallId: 'x' },
        { role: 'tool', content: 'done', toolCallId: 'y' },
        { role: 'user', content: 'Well?' },
      ]),
    ).to.deep.equal([
      only({ role: 'user', parts: ['Hi'] }),
      only({ role: 'assistant', parts: ['First'], calls: ['x', 'y'] }),
      only({ role: 'user', parts: ['Well?'], answers: ['x', 'y'] }),
    ]);
  });

  it('begin with the user, so that no answer stands without its call', () => {
    expect(
      shapes([
        { role: 'system', content: 'Be brief.' },
        { role: 'assistant', content: '', toolCalls: [call('x')] },
        { role: 'tool', content: 'done', toolCallId: 'x' },
        { role: 'user', content: 'Hi' },
      ]),
    ).to.deep.equal([only({ role: 'user', parts: ['Hi'] })]);
  });

  it('leave what they are made of as it was', () => {
    const turns: ChatTurn[] = [
      { role: 'user', content: 'One', parts: [image] },
      { role: 'user', content: 'Two' },
      { role: 'assistant', content: '', toolCalls: [call('x')] },
      { role: 'assistant', content: '', toolCalls: [call('y')] },
    ];
    const before = structuredClone(turns);
    joinTurns(turns);
    expect(turns).to.deep.equal(before);
  });
});
