import { now } from '../base/clock.ts';

/**
 * How long a provider asks us to wait, in milliseconds: from `retry-after-ms`, else from `Retry-After` in
 * seconds or as an HTTP date. Undefined when there is none that can be read; never negative.
 */
export function retryAfterMs(headers: Headers | undefined): number | undefined {
  const ms = asNumber(headers?.get('retry-after-ms'));
  if (ms !== undefined) return ms;
  const value = headers?.get('retry-after');
  const seconds = asNumber(value);
  if (seconds !== undefined) return Math.round(seconds * 1000);
  // `Date.parse` makes a date of nearly any number.
  const date = value && /^\s*[A-Za-z]/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now());
}

function asNumber(value: string | null | undefined): number | undefined {
  return value && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}
