/**
 * What has expired is as good as gone, for everybody; it is deleted a little later.
 *
 * @param sessions what the table is called in the statement
 */
export const alive = (sessions: string): string =>
  `(${sessions}.expires_at IS NULL OR ${sessions}.expires_at > now())`;

/** What an owner comes back to. One-shot calls are kept for nobody, not even for whoever has made them. */
export const kept = (sessions: string): string => `${sessions}.kind <> 'call' AND ${alive(sessions)}`;
