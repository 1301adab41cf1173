import type { StreamEvent } from '../contracts/events.ts';

/** What all deltas of one channel of one attempt have in common. */
export type StreamOf = Omit<StreamEvent, 'offset' | 'delta'>;

/**
 * A delta of a stream. Every one that is read, cut or merged is made here, field by field: `{ ...of, offset, delta }` has a
 * hidden class of its own each time once V8 11 (Node 20) has compiled it, which costs 2.5 us instead of 0.05, and more
 * wherever the event goes. https://v8.dev/docs/hidden-classes
 */
export function streamEvent(of: StreamOf, offset: number, delta: string): StreamEvent {
  const { sessionId, messageId, attempt, channel } = of;
  return channel
    ? ({ sessionId, messageId, attempt, channel, offset, delta } satisfies Required<StreamEvent>)
    : { sessionId, messageId, attempt, offset, delta };
}
