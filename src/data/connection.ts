import type { Client } from 'pg';
import { PreparingClient } from './prepared.ts';

type Connected = (error: Error | null, client?: Client) => void;

/** Why connecting failed. */
const failures = new WeakSet<Error>();

/** Whether this is why a connection could not be made: whatever the reason, PostgreSQL took no statement. */
export const isConnectFailure = (error: unknown): boolean => error instanceof Error && failures.has(error);

/** A connection of the pool, which always gives `connect` a callback. Its failures look like any other error, so they are noted. */
export class Connection extends PreparingClient {
  override connect = ((connected: Connected): void => {
    const connect = super.connect as (connected: Connected) => void;
    connect.call(this, (error, client) => {
      if (error) failures.add(error);
      connected(error, client);
    });
  }) as Client['connect'];
}
