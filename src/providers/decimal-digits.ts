const NUMBER = /^\s*(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?\s*$/;

/**
 * The decimal string of a number as it is written, exactly: no float is made of it. `shift` moves the point to the
 * right: 6 makes a price for a million of a price for one.
 *
 * @param source as in `0.00000015`, `1.5e-7`; anything but a number that is not negative gives undefined
 */
export function plainDecimal(source: string, shift = 0): string | undefined {
  const [, whole, fraction = '', exponent = '0'] = NUMBER.exec(source) ?? [];
  if (whole === undefined) return undefined;
  const places = Number(exponent) + shift - fraction.length;
  const digits = `${whole}${fraction}`;
  if (places >= 0) return trim(`${digits}${'0'.repeat(places)}`, '');
  const padded = digits.padStart(1 - places, '0');
  return trim(padded.slice(0, places), padded.slice(places));
}

/** The sum of two decimal strings that {@link plainDecimal} gave, exactly. */
export function addDecimals(a: string, b: string): string {
  const places = Math.max(placesOf(a), placesOf(b));
  const sum = scaled(a, places) + scaled(b, places);
  return plainDecimal(String(sum), -places) ?? '0';
}

function trim(whole: string, fraction: string): string {
  const rest = fraction.replace(/0+$/, '');
  return `${whole.replace(/^0+(?=\d)/, '')}${rest && `.${rest}`}`;
}

function placesOf(decimal: string): number {
  return decimal.split('.')[1]?.length ?? 0;
}

function scaled(decimal: string, places: number): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(places, '0'));
}
