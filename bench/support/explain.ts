import { type Client, escapeLiteral } from 'pg';
import type { Db } from '../../src/data/database.ts';

/** How PostgreSQL plans a prepared statement: for its values, or for any. */
export const PLAN_MODES = ['force_custom_plan', 'force_generic_plan'] as const;

/** What a repository does with a database. */
export type RunStatement = (db: Db) => Promise<unknown>;

/**
 * Runs a repository's function with a database that explains its statement, which answers nothing. Nothing is changed.
 *
 * @returns the plan, with times and buffers
 */
export async function explain(
  client: Client,
  run: RunStatement,
  plans: (typeof PLAN_MODES)[number],
): Promise<string> {
  const lines: string[] = [];
  const query = async (sql: string, params: unknown[] = []): Promise<unknown[]> => {
    const values = params.map(literal).join(', ');
    await client.query(`BEGIN; SET LOCAL plan_cache_mode = ${plans}; PREPARE statement AS ${sql}`);
    const execute = `EXECUTE statement${values ? `(${values})` : ''}`;
    // The first run warms the caches: what is compared is the plan, not the disk.
    await client.query(`EXPLAIN (ANALYZE) ${execute}; ROLLBACK; BEGIN; SET LOCAL plan_cache_mode = ${plans}`);
    const plan = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE, BUFFERS) ${execute}`);
    lines.push(...plan.rows.map((row) => row['QUERY PLAN']));
    await client.query('ROLLBACK; DEALLOCATE statement');
    return [];
  };
  await run({ query } as unknown as Db);
  return lines.join('\n');
}

/** Prints the plans of statements, each in both ways. */
export async function explainAll(
  client: Client,
  statements: [name: string, run: RunStatement][],
): Promise<void> {
  for (const [name, run] of statements) {
    for (const plans of PLAN_MODES) {
      console.log(`\n=== ${name} (${plans})\n${await explain(client, run, plans)}`);
    }
  }
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  return escapeLiteral(value instanceof Date ? value.toISOString() : String(value));
}
