/** What a page is read of, each part as SQL. */
export interface SizedPage {
  columns: string;
  /** Tables and conditions. */
  from: string;
  order: string;
  /** Most rows. */
  limit: string;
  /** Bytes that a row counts with. */
  bytes: string;
  /** Most bytes; the first row is always read. */
  mostBytes: number;
}

/** What each row of a page has beside its columns. */
export interface SizedRow {
  /** There are more behind it. */
  more: boolean;
}

/**
 * A page, by number and by bytes. Both are found out while the index is walked, and neither goes further than the page; how
 * long a text is stands beside it, and does not have it read.
 */
export function sizedPage({ columns, from, order, limit, bytes, mostBytes }: SizedPage): string {
  return `SELECT * FROM (
     SELECT ${columns}, row_number() OVER walk AS number, sum(${bytes}) OVER walk AS bytes, lead(true, 1, false) OVER walk AS more
       FROM ${from}
     WINDOW walk AS (ORDER BY ${order} ROWS UNBOUNDED PRECEDING) ORDER BY ${order} LIMIT ${limit}) AS page
    WHERE number = 1 OR bytes <= ${mostBytes} ORDER BY number`;
}

/** Whether there are more rows behind a page. */
export const hasMore = (page: SizedRow[]): boolean => page.at(-1)?.more ?? false;
