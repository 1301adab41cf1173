import type { StreamEvent } from '../contracts/events.ts';
import { streamEvent } from '../feed/stream-event.ts';

/** Two deltas of one message as one; undefined when the second does not follow the first. */
export function mergeDeltas(first: StreamEvent, second: StreamEvent): StreamEvent | undefined {
  const follows =
    first.attempt === second.attempt &&
    first.channel === second.channel &&
    first.offset + first.delta.length === second.offset;
  return follows ? streamEvent(first, first.offset, first.delta + second.delta) : undefined;
}
