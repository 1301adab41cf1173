/** Most events of one name that are worked on at a time. */
const MAX_AT_ONCE = 4;
/** Most events that wait. A client that comes back may join 200 sessions at once. */
const MAX_WAITING = 500;

interface Waiting {
  bytes: number;
  work: () => Promise<void>;
}

/** The events of one name. */
interface Lane {
  running: number;
  readonly waiting: Waiting[];
}

/**
 * The events of one socket, of which few are worked on at a time, so that no socket holds up the others of its process
 * however much it asks at once. Those of one name begin in the order in which they came; those of another name are not
 * waited for, as a `join` may wait for a client that reads slowly, and what is to stop must stop meanwhile.
 */
export class EventQueue {
  readonly #maxBytes: number;
  readonly #lanes = new Map<string, Lane>();
  #waiting = 0;
  #bytes = 0;

  /** @param maxBytes how much may wait, as JSON; one more event is always taken */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Begins with an event, now or when it is its turn.
   *
   * @param payload what is kept while it waits
   * @param work must not reject
   * @returns false, and does nothing, when too much is waiting
   */
  add(event: string, payload: unknown, work: () => Promise<void>): boolean {
    const lane = this.#lane(event);
    if (lane.running < MAX_AT_ONCE) {
      void this.#run(lane, work);
      return true;
    }
    if (this.#waiting >= MAX_WAITING || this.#bytes > this.#maxBytes) return false;
    const bytes = Buffer.byteLength(JSON.stringify(payload));
    lane.waiting.push({ bytes, work });
    this.#waiting += 1;
    this.#bytes += bytes;
    return true;
  }

  /** Forgets what waits. */
  clear(): void {
    for (const { waiting } of this.#lanes.values()) waiting.length = 0;
    this.#waiting = 0;
    this.#bytes = 0;
  }

  #lane(event: string): Lane {
    const lane = this.#lanes.get(event) ?? { running: 0, waiting: [] };
    this.#lanes.set(event, lane);
    return lane;
  }

  async #run(lane: Lane, work: () => Promise<void>): Promise<void> {
    lane.running += 1;
    await work();
    lane.running -= 1;
    const next = lane.waiting.shift();
    if (!next) return;
    this.#waiting -= 1;
    this.#bytes -= next.bytes;
    void this.#run(lane, next.work);
  }
}
