import type { Client, ClientConfig } from 'pg';
import { SilenceWatch } from '../base/silence-watch.ts';
import { isLong } from './long-statements.ts';
import { PreparingClient } from './prepared.ts';

type Connected = (error: Error | null, client?: Client) => void;
type Ask = (text: unknown, ...rest: unknown[]) => unknown;

/** How a connection is made, and when it is given up. */
export interface ConnectionConfig extends ClientConfig {
  /**
   * How long PostgreSQL may say nothing while it owes the answer to a statement that is not marked as long, in milliseconds.
   * Left out: for as long as it likes.
   */
  silenceMs?: number | undefined;
  /**
   * Longest that connecting may take, in milliseconds; 10 s unless told otherwise. As `connectionTimeoutMillis` it would bound the wait
   * for a free connection of the pool as well, and TypeORM always gives one of its own: `undefined`, which is no bound at all.
   */
  connectMs?: number | undefined;
}

/** See {@link ConnectionConfig.connectMs}. */
const CONNECT_MS = 10_000;
/** After so many milliseconds of silence the system asks whether the other side is there. */
const KEEP_ALIVE_MS = 10_000;

/** Why connecting failed. */
const failures = new WeakSet<Error>();

/** Whether this is why a connection could not be made: whatever the reason, PostgreSQL took no statement. */
export const isConnectFailure = (error: unknown): boolean => error instanceof Error && failures.has(error);

/**
 * A connection of the pool, which always gives `connect` a callback. Its failures look like any other error, so they are noted.
 *
 * One that is dead, though nobody says so, is broken off: what waits for its answer fails as it does with every connection that is lost,
 * and the pool makes another. With the `query_timeout` of pg it would stay in the pool, busy.
 */
export class Connection extends PreparingClient {
  /** Answers that PostgreSQL owes. */
  #owed = 0;

  constructor({ silenceMs, connectMs = CONNECT_MS, ...config }: ConnectionConfig = {}) {
    super({
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      ...config,
      connectionTimeoutMillis: connectMs,
    });
    if (silenceMs === undefined) return;
    this.query = this.#counting(this.query as Ask) as Client['query'];
    this.once('connect', () => this.#watch(silenceMs));
  }

  override connect = ((connected: Connected): void => {
    const connect = super.connect as (connected: Connected) => void;
    connect.call(this, (error, client) => {
      if (error) failures.add(error);
      connected(error, client);
    });
  }) as Client['connect'];

  /** Asks, and counts what is owed. */
  #counting(ask: Ask): Ask {
    const answered = () => {
      this.#owed -= 1;
    };
    return (text, ...rest) => {
      const answer = ask(text, ...rest);
      if (answer instanceof Promise && !isLong(text)) {
        this.#owed += 1;
        answer.then(answered, answered);
      }
      return answer;
    };
  }

  #watch(silenceMs: number): void {
    const { stream } = this.connection;
    const watch = new SilenceWatch({
      isOwed: () => this.#owed > 0,
      silenceMs,
      onSilence: () => void stream.destroy(new Error('PostgreSQL does not answer.')),
    });
    stream.on('data', () => watch.heard());
    this.once('end', () => watch.stop());
    watch.start();
  }
}
