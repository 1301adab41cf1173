import { expect } from 'chai';
import { z } from 'zod';
import { newId, newIdAfter } from '../../src/base/ids.ts';

/** The milliseconds in an id. */
const timeOf = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);

describe('newId', () => {
  const realNow = Date.now;
  afterEach(() => {
    Date.now = realNow;
  });

  it('makes UUIDs of version 7 with the time in them', () => {
    const before = Date.now();
    const id = newId();
    expect(z.uuidv7().safeParse(id).success, id).to.equal(true);
    // 100,000 ids a millisecond would have to come before this one to be further ahead.
    expect(timeOf(id)).to.be.within(before, Date.now() + 25);
  });

  it('makes ids that sort as they were made, however many, and none twice', () => {
    const ids = Array.from({ length: 20_000 }, newId);
    expect([...ids].sort()).to.deep.equal(ids);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it('keeps the order within one millisecond, over the end of the counter, and when the clock goes back', () => {
    const start = Date.now() + 10_000;
    const ids: string[] = [];
    Date.now = () => start;
    ids.push(...Array.from({ length: 5_000 }, newId));
    Date.now = () => start - 5_000;
    ids.push(...Array.from({ length: 10 }, newId));
    Date.now = () => start + 1;
    ids.push(newId());
    Date.now = () => start + 20_000;
    ids.push(newId());
    expect([...ids].sort()).to.deep.equal(ids);
    for (const id of ids) expect(z.uuidv7().safeParse(id).success, id).to.equal(true);
    expect(timeOf(ids.at(-1) as string)).to.equal(start + 20_000);
  });
});

describe('newIdAfter', () => {
  it('makes an id that sorts behind another, whatever the clock of whoever made that', () => {
    const ids = [newIdAfter('01000000-0000-7000-8000-000000000000')];
    for (const ahead of ['fe000000-0000-7000-bfff-ffffffffffff', 'fe00ffff-ffff-7fff-bfff-ffffffffffff']) {
      ids.push(ahead, newIdAfter(ahead));
    }
    expect([...ids].sort()).to.deep.equal(ids);
    expect(ids.at(-1)).to.match(/^fe010000-0000-7000-/);
    for (const id of ids) expect(z.uuidv7().safeParse(id).success, id).to.equal(true);
  });
});
