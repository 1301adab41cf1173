import { expect } from 'chai';
import fc from 'fast-check';
import { addDecimals, plainDecimal } from '../../src/providers/decimal-digits.ts';

describe('the digits of a decimal', () => {
  for (const [source, shift, expected] of [
    ['0', 0, '0'],
    ['0.000', 6, '0'],
    ['007.50', 0, '7.5'],
    ['12', 0, '12'],
    ['0.00000015', 6, '0.15'],
    ['0.000003', 6, '3'],
    ['3', 6, '3000000'],
    ['1.5e-7', 0, '0.00000015'],
    ['1.5E+3', 0, '1500'],
    ['1e-7', 6, '0.1'],
    ['123.456', -2, '1.23456'],
    ['0.1234567890123456789012345', 0, '0.1234567890123456789012345'],
  ] as const) {
    it(`of ${source}, moved by ${shift}, are ${expected}`, () => {
      expect(plainDecimal(source, shift)).to.equal(expected);
    });
  }

  it('are not those of what is no number from zero up', () => {
    for (const source of [
      '',
      ' ',
      '-1',
      '+1',
      '.5',
      '5.',
      '1e',
      '1e9999',
      'NaN',
      'Infinity',
      '0x10',
      '1,5',
      '1 2',
    ]) {
      expect(plainDecimal(source), source).to.equal(undefined);
    }
  });

  it('add up exactly', () => {
    expect(addDecimals('0.1', '0.2')).to.equal('0.3');
    expect(addDecimals('0.95', '19.05')).to.equal('20');
    expect(addDecimals('0', '0.00000000000000000001')).to.equal('0.00000000000000000001');
  });

  it('mean what the number means, and add in any order', () => {
    const number = fc.double({ min: 0, max: 1e20, noNaN: true });
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x = '', y = ''] = [plainDecimal(String(a)), plainDecimal(String(b))];
        expect(x).to.match(/^(0|[1-9]\d*)(\.\d*[1-9])?$/);
        expect(Number(x)).to.equal(Math.abs(a));
        expect(addDecimals(x, y)).to.equal(addDecimals(y, x));
      }),
    );
  });
});
