import { tally } from '../base/tally.ts';
import type { StreamEvent } from '../contracts/events.ts';
import { mergeDeltas } from './merge-deltas.ts';
import { RoomFrame } from './room-frame.ts';

/** The wire of one reader. */
export interface Wire {
  /** Writes a frame, and calls back once it was taken. */
  write(frame: RoomFrame, flushed: () => void): void;
}

/** Whose frames go through an outbox. */
export interface FrameOwner {
  /** This frame was dropped, because the reader is too slow. */
  dropped(frame: RoomFrame): void;
  /** The reader has caught up after frames of this owner were dropped. */
  drained(): void;
}

interface Item {
  frame: RoomFrame;
  owner: FrameOwner;
}

/**
 * What goes out to one reader. While its wire is busy, frames wait here, and the deltas of one message that are of one
 * channel merge into one. When more than `maxBytes` wait, all of them are dropped and their owners told: they send a snapshot once
 * the wire has drained, so that a slow reader never costs more than the bound.
 */
export class Outbox {
  readonly #wire: Wire;
  readonly #maxBytes: number;
  #queue: Item[] = [];
  /** The last waiting delta of each message: the next one is added to it. */
  #lastDelta = new Map<string, Item>();
  #bytes = 0;
  #busy = false;
  #held = false;
  #closed = false;
  readonly #overflowed = new Set<FrameOwner>();
  readonly #waiting: (() => void)[] = [];

  constructor(wire: Wire, maxBytes: number) {
    this.#wire = wire;
    this.#maxBytes = maxBytes;
  }

  /** Frames are being dropped until the wire has drained. */
  get overflowed(): boolean {
    return this.#overflowed.size > 0;
  }

  /** It can take more without dropping it: less than half of what it may hold is waiting. */
  get hasRoom(): boolean {
    return !this.overflowed && this.#bytes * 2 <= this.#maxBytes;
  }

  /** Sends now, or when the wire is free; or drops, and tells the owner. */
  send(frame: RoomFrame, owner: FrameOwner): void {
    if (this.#closed) return;
    if (this.#overflowed.size > 0) {
      this.#overflowed.add(owner);
      tally.framesDropped += 1;
      owner.dropped(frame);
    } else if (this.#busy) {
      this.#enqueue({ frame, owner });
    } else {
      this.#busy = true;
      tally.framesSent += 1;
      this.#wire.write(frame, this.#flushed);
    }
  }

  /** Holds everything back until {@link release}: the wire is not open yet. */
  hold(): void {
    this.#held = true;
    this.#busy = true;
  }

  /** Ends {@link hold}. */
  release(): void {
    this.#held = false;
    this.#flushed();
  }

  /** Resolves when nothing waits for the wire; at once while the wire is not open yet. */
  idle(): Promise<void> {
    if (!this.#busy || this.#held || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Forgets everything; the reader is gone. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#lastDelta.clear();
    this.#overflowed.clear();
    this.#settle();
  }

  #enqueue(item: Item): void {
    const { frame } = item;
    if (frame.is('message:stream')) this.#enqueueDelta(item, frame);
    else {
      this.#queue.push(item);
      this.#bytes += Buffer.byteLength(frame.json);
      // A delta behind this frame must not be merged with one before it.
      this.#lastDelta.clear();
    }
    if (this.#bytes > this.#maxBytes) this.#overflow();
  }

  #enqueueDelta(item: Item, { payload }: RoomFrame<'message:stream'>): void {
    this.#bytes += Buffer.byteLength(payload.delta);
    const last = this.#lastDelta.get(payload.messageId);
    const merged = last && mergeDeltas(last.frame.payload as StreamEvent, payload);
    if (last && merged) {
      last.frame = new RoomFrame('message:stream', merged);
      return;
    }
    this.#bytes += FRAME_BYTES;
    this.#queue.push(item);
    this.#lastDelta.set(payload.messageId, item);
  }

  #overflow(): void {
    const dropped = this.#take();
    tally.framesDropped += dropped.length;
    for (const { owner } of dropped) this.#overflowed.add(owner);
    for (const { owner, frame } of dropped) owner.dropped(frame);
  }

  #take(): Item[] {
    const items = this.#queue;
    this.#queue = [];
    this.#lastDelta.clear();
    this.#bytes = 0;
    return items;
  }

  readonly #flushed = (): void => {
    if (this.#queue.length > 0) this.#writeAll(this.#take());
    else {
      this.#busy = false;
      this.#settle();
      if (this.overflowed) this.#tellDrained();
    }
  };

  #writeAll(items: Item[]): void {
    const last = items.length - 1;
    tally.framesSent += items.length;
    items.forEach(({ frame }, index) => {
      this.#wire.write(frame, index === last ? this.#flushed : nothing);
    });
  }

  #tellDrained(): void {
    const owners = [...this.#overflowed];
    this.#overflowed.clear();
    for (const owner of owners) owner.drained();
  }

  #settle(): void {
    while (this.#waiting.length > 0) this.#waiting.shift()?.();
  }
}

/** An outbox as those see it who send. */
export type Sending = Pick<Outbox, 'send' | 'idle' | 'overflowed' | 'hasRoom'>;

/** About what a delta's frame adds to its text. */
const FRAME_BYTES = 200;
const nothing = (): void => {};
