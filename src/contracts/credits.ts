import { z } from 'zod';

/** Decimals of an amount of credits. */
export const CREDIT_DECIMALS = 6;

/**
 * Most credits that are moved at once, and that an admin makes a balance. An amount of nine digits before the point and
 * six after it has 15 in all: so many a JSON number always gives back unchanged, and numeric(20,6) has room for many more.
 */
export const MAX_CREDITS = 1_000_000_000;

/** A decimal number as people write it: no exponent, no plus, no zeros before it. */
const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/;
/** Longest text that is looked at. */
const MAX_LENGTH = 100;

/**
 * An amount of credits as it is given to the server, a JSON number or the same as a string, which becomes a decimal
 * string: exact, or refused.
 */
export const creditsInput = z
  .union([z.number(), z.string().max(MAX_LENGTH)], {
    error: 'must be a number, or a decimal number as a string',
  })
  .transform((given, context) => {
    const refusal = refusalOf(given);
    if (refusal === undefined) return toPlain(String(given));
    context.addIssue({ code: 'custom', message: refusal });
    return z.NEVER;
  })
  .describe(`Credits, at most ${CREDIT_DECIMALS} decimals and ${MAX_CREDITS} either way`);

/** Decimals of a number as JavaScript writes it: what was meant, as far as a double can tell. */
export function decimalsOf(value: number): number {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const fraction = mantissa.split('.')[1]?.length ?? 0;
  return Math.max(0, fraction - Number(exponent));
}

function refusalOf(given: number | string): string | undefined {
  const isText = typeof given === 'string';
  if (isText && !DECIMAL.test(given)) return 'must be a decimal number';
  if (Math.abs(Number(given)) > MAX_CREDITS) return `must be from -${MAX_CREDITS} to ${MAX_CREDITS}`;
  const decimals = isText ? (given.split('.')[1]?.length ?? 0) : decimalsOf(given);
  return decimals > CREDIT_DECIMALS ? `must have at most ${CREDIT_DECIMALS} decimals` : undefined;
}

/** The same amount is always written the same: `-0.50` is `-0.5`, `-0` is `0`. */
function toPlain(decimal: string): string {
  const short = decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
  return short === '-0' ? '0' : short;
}
