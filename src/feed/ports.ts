import type { RoomEventName, RoomEvents, StreamEvent } from '../contracts/events.ts';
import type { RateLimitStore } from './rate-limit-store.ts';

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

/** What an attempt has written. */
export interface Written {
  text: string;
  /** What the model thought before it answered; null when it told nothing of that. */
  reasoning: string | null;
}

/** Left out: the text itself. */
export type Channel = StreamEvent['channel'];

/** One step of a live text. */
export interface Delta {
  channel?: Channel;
  /** UTF-16 code units of the channel before `text`. */
  offset: number;
  text: string;
  /**
   * All of a channel, up to and including this delta. Called only to restore a live text that was lost, and only
   * before the delta is acknowledged.
   */
  whole: (channel?: Channel) => string;
}

/** One live text, open for writing. */
export interface LiveText {
  /**
   * Appends a delta to its channel and publishes its `message:stream`, in this order and in one round trip: the text
   * is never behind what was published. Deltas are given in order, one after the other is acknowledged.
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
  /** What is written so far; null when that is nothing, or when it was dropped. */
  read(ref: LiveRef): Promise<Written | null>;
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

/** A piece of time in which calls are counted together. Whoever counts decides how long it is. */
export interface TimeSlice {
  /** Its place, counted in slices from 1970. */
  index: number;
  /** How long it is. */
  lengthMs: number;
  /** How long its counts are wanted. */
  keepMs: number;
}

/** How calls of a provider ended. */
export interface CallCounts {
  ok: number;
  failed: number;
}

/** Who is left alone, and from when until when; in milliseconds since 1970. */
export interface Cooldown {
  target: string;
  since: number;
  until: number;
}

/**
 * How the providers are, as all workers have seen it together. What it means is decided by whoever writes it. It may be
 * lost at any moment: then it is seen anew. Everything throws when the broker does not answer.
 */
export interface HealthStore {
  /** Counts a call of a provider in a slice of time. */
  count(provider: string, slice: TimeSlice, outcome: keyof CallCounts): Promise<void>;
  /** The sums over some slices. */
  counts(provider: string, slices: TimeSlice[]): Promise<CallCounts>;
  /** Forgets the counts of some slices. */
  forget(provider: string, slices: TimeSlice[]): Promise<void>;
  /** Replaces that of the same target. */
  putCooldown(cooldown: Cooldown): Promise<void>;
  dropCooldown(target: string): Promise<void>;
  /** All that were put and not dropped, those that are over too. */
  cooldowns(): Promise<Cooldown[]>;
}

/** An event as it arrives from the broker. */
export type RoomListener = <E extends RoomEventName>(room: string, event: E, payload: RoomEvents[E]) => void;

/** Everything that processes share beside the database. */
export interface Feed {
  readonly rooms: RoomPublisher;
  readonly live: LiveTexts;
  readonly control: ControlBus;
  readonly tickets: TicketStore;
  readonly health: HealthStore;
  /** Always answers: while the broker does not, each process counts for itself. */
  readonly rateLimits: RateLimitStore;
  /** @throws when the broker does not answer */
  ping(): Promise<void>;
  close(): Promise<void>;
}
