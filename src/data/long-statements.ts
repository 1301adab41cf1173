/** The texts of the statements that are marked. */
const texts = new Set<string>();

/**
 * Marks a statement that may take minutes where there is much: a connection that says nothing meanwhile is not taken for dead.
 * Only for texts of which there are few.
 *
 * @returns the text
 */
export function long(sql: string): string {
  texts.add(sql);
  return sql;
}

/** Whether a statement is marked. */
export const isLong = (sql: unknown): boolean => typeof sql === 'string' && texts.has(sql);
