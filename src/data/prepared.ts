import { createHash } from 'node:crypto';
import pg from 'pg';

/** The names of the statements that are prepared, by their text. */
const names = new Map<string, string>();

/**
 * Marks a statement that stands between a person and the first token, or comes with every reply: each connection has it
 * parsed and planned once, which for such a statement costs more than its execution. Only for texts of which there are few, and whose
 * plan is the same whatever the parameters are: they are looked up by their keys.
 *
 * @returns the text
 */
export function prepared(sql: string): string {
  // By the text, so that whoever shares a connection through a pooler never means another statement.
  if (!names.has(sql)) names.set(sql, `parley_${createHash('md5').update(sql).digest('hex')}`);
  return sql;
}

/** A connection that prepares what is marked. https://node-postgres.com/features/queries#prepared-statements */
export class PreparingClient extends pg.Client {
  // The overloads of `query` are many; TypeORM calls one of them.
  override query = ((text: unknown, ...rest: unknown[]): unknown => {
    const name = typeof text === 'string' ? names.get(text) : undefined;
    const [values, ...others] = rest;
    const query = super.query as (...args: unknown[]) => unknown;
    if (name === undefined || !Array.isArray(values)) return query.call(this, text, ...rest);
    return query.call(this, { name, text, values }, ...others);
  }) as pg.Client['query'];
}
