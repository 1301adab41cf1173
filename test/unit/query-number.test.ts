import { expect } from 'chai';
import { z } from 'zod';
import { pageQuery, queryNumber } from '../../src/contracts/fields.ts';

describe('a number in a query', () => {
  const number = queryNumber(z.number().min(-1).max(1_000));

  for (const [text, value] of [
    ['0', 0],
    ['1.50', 1.5],
    ['-0.5', -0.5],
    ['016', 16],
  ] as const) {
    it(`is ${value}: ${JSON.stringify(text)}`, () => expect(number.parse(text)).to.equal(value));
  }

  for (const text of [
    '',
    ' ',
    ' 1',
    '1 ',
    '+1',
    '0x10',
    '0b1',
    '1e2',
    '.5',
    '5.',
    '1,5',
    '1_0',
    'Infinity',
    'NaN',
    '١',
  ]) {
    it(`is none: ${JSON.stringify(text)}`, () => expect(number.safeParse(text).success).to.equal(false));
  }

  it('has the limits of its field', () => {
    expect(number.safeParse('1001').success).to.equal(false);
    expect(number.safeParse('9'.repeat(400)).success).to.equal(false);
  });

  it('may be left out, of lists', () => {
    const page = z.object(pageQuery);
    expect(page.parse({})).to.deep.equal({ limit: 20 });
    expect(page.parse({ limit: '7' })).to.deep.equal({ limit: 7 });
    for (const limit of ['', '1.5', '0', '101', '0x10']) {
      expect(page.safeParse({ limit }).success, limit).to.equal(false);
    }
    const { properties } = z.toJSONSchema(page, { io: 'input' });
    expect(properties?.limit).to.deep.include({ type: 'integer', minimum: 1, maximum: 100, default: 20 });
  });
});
