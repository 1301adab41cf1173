import { now } from '../base/clock.ts';
import type { UserRoomState } from '../services/user-room.ts';
import { BoundedSet } from './bounded-set.ts';
import type { FrameOwner, Sending } from './outbox.ts';
import { RoomFrame } from './room-frame.ts';
import type { RoomReader } from './room-hub.ts';

/** What a reader of a user's room works with. */
export interface UserReaderDeps {
  userId: string;
  outbox: Pick<Sending, 'send'>;
  state: UserRoomState;
  /** It cannot be brought up to date: the client must come back. */
  onFailure: (error: unknown) => void;
}

/** Most distinct events that are kept for a slow reader, and new sessions that are remembered. */
const MAX_MISSED = 1_000;
/** How long before the loss of a connection is noticed events may be missed, and how far clocks may differ; milliseconds. */
const NOTICED_MS = 60_000;

/** One client in the room of its user. Of a balance only the newest counts; new sessions are all kept. */
export class UserReader implements RoomReader, FrameOwner {
  readonly #deps: UserReaderDeps;
  readonly #missed = new Map<string, RoomFrame>();
  /** New sessions that the client has been told of. */
  readonly #told = new BoundedSet(MAX_MISSED);
  readonly #openedAt = now();
  /** When the connection to the broker was lost, until what was missed has been read. */
  #lostAt: number | undefined;
  /** How often the balance was told. */
  #balances = 0;

  constructor(deps: UserReaderDeps) {
    this.#deps = deps;
  }

  accept(frame: RoomFrame): void {
    if (frame.is('balance:update')) this.#balances += 1;
    if (frame.is('session:new')) {
      if (this.#told.has(frame.payload.id)) return;
      this.#told.add(frame.payload.id);
    }
    this.#deps.outbox.send(frame, this);
  }

  interrupted(): void {
    this.#lostAt ??= now();
  }

  refresh(): void {
    this.#readMissed().catch(this.#deps.onFailure);
  }

  async #readMissed(): Promise<void> {
    const { userId, state } = this.#deps;
    const since = Math.max(this.#openedAt, (this.#lostAt ?? now()) - NOTICED_MS);
    this.#lostAt = undefined;
    const balances = this.#balances;
    const [balance, opened] = await Promise.all([
      state.balance(userId),
      state.sessionsSince(userId, new Date(since)),
    ]);
    for (const session of opened) this.accept(new RoomFrame('session:new', session));
    // One that has come meanwhile may be newer than what was read.
    if (balance && balances === this.#balances) this.accept(new RoomFrame('balance:update', balance));
  }

  dropped(frame: RoomFrame): void {
    this.#missed.set(frame.is('session:new') ? `${frame.event}:${frame.payload.id}` : frame.event, frame);
    if (this.#missed.size > MAX_MISSED) this.#deps.onFailure(new Error('too much was missed'));
  }

  drained(): void {
    const missed = [...this.#missed.values()];
    this.#missed.clear();
    for (const frame of missed) this.#deps.outbox.send(frame, this);
  }
}
