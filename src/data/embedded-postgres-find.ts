import { connectionUrl, findHome, readPassword } from './embedded-postgres-cluster.ts';
import { findRunningServer } from './embedded-postgres-pidfile.ts';

/** What a data directory has. */
export type FoundPostgres = { state: 'running'; url: string } | { state: 'stopped' } | { state: 'none' };

/**
 * Looks for the embedded PostgreSQL of a Parley that may be running, without taking its lock or changing anything. One that
 * is just starting or stopping is waited for.
 *
 * @param dataDir `DATA_DIR`
 * @throws {EmbeddedPostgresError} when what is there cannot be used
 */
export async function findEmbeddedPostgres(dataDir: string): Promise<FoundPostgres> {
  const paths = await findHome(dataDir);
  if (!paths) return { state: 'none' };
  const password = await readPassword(paths);
  const server = await findRunningServer({ pgdata: paths.pgdata, password });
  return server ? { state: 'running', url: connectionUrl(server.port, password) } : { state: 'stopped' };
}
