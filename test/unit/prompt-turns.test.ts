import { expect } from 'chai';
import type { ChatTurn } from '../../src/contracts/prompt.ts';
import { joinAssistants } from '../../src/presenters/prompt-turns.ts';

const call = (id: string) => ({ id, name: 'find', arguments: '{}' });
const calls = (...ids: string[]): ChatTurn => ({
  role: 'assistant',
  content: '',
  toolCalls: ids.map(call),
});
const says = (content: string): ChatTurn => ({ role: 'assistant', content });
const asks: ChatTurn = { role: 'user', content: 'Why?' };

describe('turns of the assistant in a row', () => {
  it('are one, with all that was said and called', () => {
    expect(joinAssistants([says('a'), calls('1'), says(''), says('b'), calls('2', '3'), asks])).to.deep.equal(
      [{ role: 'assistant', content: 'a\nb', toolCalls: ['1', '2', '3'].map(call) }, asks],
    );
    expect(joinAssistants([calls('1'), asks, says('a'), says('b')])).to.deep.equal([
      calls('1'),
      asks,
      says('a\nb'),
    ]);
  });

  it('are left as they are', () => {
    const turns = [says('a'), calls('1'), says('b'), calls('2')];
    const before = structuredClone(turns);
    joinAssistants(turns);
    expect(joinAssistants(turns.slice(1))).to.have.lengthOf(1);
    expect(turns).to.deep.equal(before);
  });

  it('take time in proportion to how many there are', () => {
    const turns = Array.from({ length: 25_000 }, (_, n) => [calls(String(n)), says('word')]).flat();
    const began = performance.now();
    const [joined] = joinAssistants(turns);
    expect(joined?.content).to.have.lengthOf(25_000 * 5 - 1);
    expect(joined?.toolCalls).to.have.lengthOf(25_000);
    expect(performance.now() - began).to.be.below(500);
  });
});
