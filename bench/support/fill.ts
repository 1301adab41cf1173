import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { openDatabase } from '../../src/data/database.ts';
import { migrate } from '../../src/data/migrate.ts';

/** Migrates an empty database and fills it by a file of `bench/sql`. */
export async function fill(url: string, file: string): Promise<void> {
  const opened = await openDatabase({ url, poolSize: 2 });
  await migrate(opened);
  await opened.close();
  const filler = new Client(url);
  await filler.connect();
  await filler.query(readFileSync(new URL(`../sql/${file}`, import.meta.url), 'utf8'));
  await filler.query('VACUUM ANALYZE');
  await filler.end();
}
