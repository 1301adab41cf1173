import { expect } from 'chai';
import fc from 'fast-check';
import { BoundedSet } from '../../src/realtime/bounded-set.ts';

describe('BoundedSet', () => {
  it('has its newest members, and forgets the oldest', () => {
    const set = new BoundedSet(2);
    for (const member of ['a', 'b', 'c']) set.add(member);
    expect(['a', 'b', 'c'].filter((member) => set.has(member))).to.deep.equal(['b', 'c']);
  });

  it('counts a member that is added again once, and forgets a member that is deleted', () => {
    const set = new BoundedSet(2);
    for (const member of ['a', 'a', 'b']) set.add(member);
    expect(set.has('a')).to.equal(true);
    set.delete('a');
    set.delete('never there');
    expect([set.has('a'), set.has('b')]).to.deep.equal([false, true]);
  });

  it('never has more than its bound, and always the last that was added', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(20).map(String)), (max, added) => {
        const set = new BoundedSet(max);
        for (const member of added) {
          set.add(member);
          expect(set.has(member)).to.equal(true);
        }
        expect([...new Set(added)].filter((member) => set.has(member)).length).to.be.at.most(max);
      }),
    );
  });
});
