import type { FrameOwner, Outbox } from './outbox.ts';
import type { RoomFrame } from './room-frame.ts';
import type { RoomReader } from './room-hub.ts';

/** Most distinct events that are kept for a slow reader. */
const MAX_MISSED = 1_000;

/** One client in the room of its user. Of a balance only the newest counts; new sessions are all kept. */
export class UserReader implements RoomReader, FrameOwner {
  readonly #outbox: Outbox;
  readonly #onFailure: () => void;
  readonly #missed = new Map<string, RoomFrame>();

  /** `onFailure` is called when more was missed than is kept: the client must come back. */
  constructor(outbox: Outbox, onFailure: () => void) {
    this.#outbox = outbox;
    this.#onFailure = onFailure;
  }

  accept(frame: RoomFrame): void {
    this.#outbox.send(frame, this);
  }

  interrupted(): void {}

  /** What was missed is asked for by whoever wants it: `GET /v1/balance`, `GET /sessions`. */
  refresh(): void {}

  dropped(frame: RoomFrame): void {
    this.#missed.set(frame.is('session:new') ? `${frame.event}:${frame.payload.id}` : frame.event, frame);
    if (this.#missed.size > MAX_MISSED) this.#onFailure();
  }

  drained(): void {
    const missed = [...this.#missed.values()];
    this.#missed.clear();
    for (const frame of missed) this.#outbox.send(frame, this);
  }
}
