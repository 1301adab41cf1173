import { expect } from 'chai';
import { BoundedMap } from '../../src/base/bounded-map.ts';

describe('BoundedMap', () => {
  it('forgets what was set the longest ago, and counts what is set anew from then', () => {
    const map = new BoundedMap<string, number>(2);
    map.set('a', 1).set('b', 2).set('a', 3).set('c', 4);
    expect([...map]).to.deep.equal([
      ['a', 3],
      ['c', 4],
    ]);
  });

  it('makes room by what is taken out of it', () => {
    const map = new BoundedMap<string, number>(2).set('a', 1).set('b', 2);
    map.delete('b');
    expect([...map.set('c', 3).keys()]).to.deep.equal(['a', 'c']);
  });
});
