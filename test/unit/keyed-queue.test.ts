import { expect } from 'chai';
import { KeyedQueue } from '../../src/base/keyed-queue.ts';
import { defer } from '../support/deferred.ts';

describe('a keyed queue', () => {
  it('does what is of one key one after the other, whatever comes of it', async () => {
    const queue = new KeyedQueue();
    const [first, second] = [defer(), defer()];
    const begun: string[] = [];
    const work = (name: string, until: Promise<unknown>) => async () => {
      begun.push(name);
      await until;
      return name;
    };
    const failed = queue.run('a', work('first', first.promise)).then(String, String);
    const done = queue.run('a', work('second', second.promise));
    await queue.run('b', work('other', Promise.resolve()));
    expect(begun).to.deep.equal(['first', 'other']);
    first.reject(new Error('no'));
    expect(await failed).to.equal('Error: no');
    const last = queue.run('a', work('third', Promise.resolve()));
    second.resolve();
    expect(await Promise.all([done, last])).to.deep.equal(['second', 'third']);
    expect(begun).to.deep.equal(['first', 'other', 'second', 'third']);
  });

  it('keeps nothing of what is done', async () => {
    const queue = new KeyedQueue();
    await Promise.all(['a', 'b', 'a'].map((key) => queue.run(key, async () => {})));
    await new Promise(setImmediate);
    expect(queue.size).to.equal(0);
  });
});
