/**
 * What an account has used in the current day, month and window, as expressions over its row. The counters begin anew by
 * themselves: a row says for which day (`used_on`) and which window (`window_start`) it counts, and what is from an
 * earlier one is nothing. They stand on the account's row, so that what is checked there is what is counted there,
 * however many requests come at once. Days and months are those of UTC.
 *
 * `now()` is when a transaction began: one that began before midnight may come behind one that began after it. It counts into
 * the later day, as a row never goes back to an earlier one.
 */
const TODAY = `(now() AT TIME ZONE 'UTC')::date`;

/** The current day; a date. */
export const today = TODAY;

/** The beginning of the current window. @param seconds the parameter that holds the length of a window, as in `$3` */
export const windowStart = (seconds: string): string =>
  `to_timestamp(floor(extract(epoch FROM now()) / ${seconds}::int) * ${seconds}::int)`;

/** The counters of a day. */
export const ofDay = (column: 'day_requests'): string =>
  `CASE WHEN used_on >= ${TODAY} THEN ${column} ELSE 0 END`;

/** The counters of a month. */
export const ofMonth = (column: 'month_requests' | 'month_tokens'): string =>
  `CASE WHEN date_trunc('month', used_on) >= date_trunc('month', ${TODAY}) THEN ${column} ELSE 0 END`;

/** The counters of a window. @param seconds as of {@link windowStart} */
export const ofWindow = (
  column: 'window_requests' | 'window_tokens' | 'window_cost_usd',
  seconds: string,
): string => `CASE WHEN window_start >= ${windowStart(seconds)} THEN ${column} ELSE 0 END`;

/** Everything that is set when something is counted: each counter with what is added to it. */
export function counted(
  seconds: string,
  added: { requests?: string; tokens?: string; costUsd?: string },
): string {
  const { requests = '0', tokens = '0', costUsd = '0' } = added;
  return `used_on = greatest(used_on, ${TODAY}), window_start = greatest(window_start, ${windowStart(seconds)}),
    day_requests = ${ofDay('day_requests')} + ${requests},
    month_requests = ${ofMonth('month_requests')} + ${requests},
    month_tokens = ${ofMonth('month_tokens')} + ${tokens},
    window_requests = ${ofWindow('window_requests', seconds)} + ${requests},
    window_tokens = ${ofWindow('window_tokens', seconds)} + ${tokens},
    window_cost_usd = ${ofWindow('window_cost_usd', seconds)} + ${costUsd}`;
}
