import type { z } from 'zod';
import type { SocketConnection } from '../socket-connection.ts';

/** What a socket event does: its payload is valid, its answer goes into the acknowledgement. */
export interface EventHandler<S extends z.ZodType = z.ZodType> {
  /** The payload. */
  schema: S;
  /** @throws {AppError} for the acknowledgement */
  handle(connection: SocketConnection, payload: z.output<S>): Promise<object>;
}

/** Keeps the schema's type while a handler is written down. */
export function defineHandler<S extends z.ZodType>(handler: EventHandler<S>): EventHandler<S> {
  return handler;
}
