import type { RoomEventName, RoomEvents } from '../contracts/events.ts';

/** Which text of which message: every attempt writes one of its own. */
export interface LiveRef {
  sessionId: string;
  messageId: string;
  attempt: number;
}

/** Publishes events to everybody in a room, on every process. */
export interface RoomPublisher {
  /**
   * Resolves once the broker has the event.
   *
   * @throws when the broker does not answer
   */
  publish<E extends RoomEventName>(room: string, event: E, payload: RoomEvents[E]): Promise<void>;
}

/** One step of a live text. */
export interface Delta {
  /** UTF-16 code units of the text before `text`. */
  offset: number;
  text: string;
  /** The whole text up to and including this delta; called only to restore a live text that was lost. */
  whole: () => string;
}

/** One live text, open for writing. */
export interface LiveText {
  /**
   * Appends a delta and publishes its `message:stream`, in this order and in one round trip: the text is never
   * behind what was published. Deltas are given in order, one after the other is acknowledged.
   *
   * @throws when the broker does not answer; the next append then restores the text
   */
  append(delta: Delta): Promise<void>;
}

/**
 * The texts of running generations, outside of the workers that write them, so that a join needs no worker.
 * The cost of a delta does not grow with the length of its text.
 */
export interface LiveTexts {
  /** Opens a text that has nothing yet. */
  open(ref: LiveRef): LiveText;
  /** The text so far; null when nothing was written, or when it was dropped. */
  read(ref: LiveRef): Promise<string | null>;
  /** Forgets the text, after the generation was settled. */
  drop(ref: LiveRef): Promise<void>;
}

/** Tells every process something: stops, revocations. Best effort; what must last is in PostgreSQL as well. */
export interface ControlBus {
  /** @throws when the broker does not answer */
  publish(topic: string, payload: unknown): Promise<void>;
  /** Calls `listener` for each later message of the topic, those of this process included. Returns how to stop. */
  subscribe(topic: string, listener: (payload: unknown) => void): () => void;
}

/** Values that can be taken once, for a short time. */
export interface TicketStore {
  put(key: string, value: string, ttlMs: number): Promise<void>;
  /** The value, removed in the same step; null when it is not there, not any more, or expired. */
  take(key: string): Promise<string | null>;
}

/** An event as it arrives from the broker. */
export type RoomListener = <E extends RoomEventName>(room: string, event: E, payload: RoomEvents[E]) => void;

/** Everything that processes share beside the database. */
export interface Feed {
  readonly rooms: RoomPublisher;
  readonly live: LiveTexts;
  readonly control: ControlBus;
  readonly tickets: TicketStore;
  /** @throws when the broker does not answer */
  ping(): Promise<void>;
  close(): Promise<void>;
}
