import type { z } from 'zod';
import type { SocketConnection } from '../socket-connection.ts';

/** Resolves when whoever asks may (still) be here. @throws {AppError} for the acknowledgement */
export type Admit = () => Promise<void>;

/** A socket event. */
export interface EventHandler<S extends z.ZodType = z.ZodType> {
  /** The payload. */
  schema: S;
  /**
   * Takes an event as it arrives; its payload is valid. What this returns is done when it is its turn, and must begin with `admit`;
   * its answer goes into the acknowledgement.
   *
   * @throws {AppError} for the acknowledgement, and so may what it returns
   */
  take(connection: SocketConnection, payload: z.output<S>, admit: Admit): () => Promise<object>;
}

/** An event of which nothing is done before it is its turn. */
export function defineHandler<S extends z.ZodType>(
  schema: S,
  handle: (connection: SocketConnection, payload: z.output<S>) => Promise<object>,
): EventHandler<S> {
  return {
    schema,
    take: (connection, payload, admit) => async () => {
      await admit();
      return handle(connection, payload);
    },
  };
}
