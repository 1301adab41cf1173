import { parseInput } from '../base/validation.ts';
import { eventIdSchema } from '../contracts/event-id.ts';
import type { Have } from '../contracts/events.ts';

/** The last event that a client of a stream got. */
export interface LastEvent {
  id: string;
  /** Where that stands in the request. */
  path: string;
}

/**
 * Where a client left off: the header of a reconnecting EventSource, or else what it was told to ask for. Undefined for
 * one that comes for the first time.
 */
export function lastEvent(
  headers: { 'Last-Event-ID': string | undefined },
  after?: string | undefined,
): LastEvent | undefined {
  const header = headers['Last-Event-ID'];
  if (header) return { id: header, path: 'headers.last-event-id' };
  return after === undefined ? undefined : { id: after, path: 'query.after' };
}

/** What the client has, as that tells. @throws {AppError} `validation_failed` */
export function positionsIn(last: LastEvent): Have[];
export function positionsIn(last: LastEvent | undefined): Have[] | undefined;
export function positionsIn(last: LastEvent | undefined): Have[] | undefined {
  return last && parseInput(eventIdSchema, last.id, last.path);
}
