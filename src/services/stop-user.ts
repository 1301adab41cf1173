import type { Database } from '../data/database.ts';
import { listBusySessions } from '../data/repositories/stop-requests.ts';
import type { StopGeneration } from './stop-generation.ts';

/** Stops every reply of a user that waits or is being written. */
export type StopUser = (userId: string) => Promise<void>;

/** Makes the verb. */
export function createStopUser({
  database,
  stopSession,
}: {
  database: Pick<Database, 'db'>;
  stopSession: StopGeneration['stopSession'];
}): StopUser {
  return async (userId) => {
    for (const sessionId of await listBusySessions(database.db, userId)) await stopSession(userId, sessionId);
  };
}
