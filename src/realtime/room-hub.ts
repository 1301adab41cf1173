import type { RoomEventName, RoomEvents } from '../contracts/events.ts';
import { RoomFrame } from './room-frame.ts';

/** One reader of one room. */
export interface RoomReader {
  /** An event of the room. */
  accept(frame: RoomFrame): void;
  /** From now on events may be missed: the connection to the broker is lost. */
  interrupted(): void;
  /** No event is missed any more; those since {@link interrupted} may have been. */
  refresh(): void;
}

/** Where the events of rooms come from. */
export interface RoomSource {
  /** Resolves once no later event of the room is missed. */
  subscribe(room: string): Promise<void>;
  unsubscribe(room: string): void;
  /** Sets who is called for each event, and when events may have been missed. Called once. */
  listen(listener: RoomSourceListener): void;
  /** @throws when events of rooms do not arrive now */
  ping(): Promise<void>;
}

/** The receiving end of a {@link RoomSource}. */
export interface RoomSourceListener {
  /** `json` is the payload as it came, where it came encoded. */
  event<E extends RoomEventName>(room: string, event: E, payload: RoomEvents[E], json?: string): void;
  /** From now on events may be missed. */
  lost(): void;
  /** No event is missed any more; those since `lost` may have been. */
  gap(): void;
}

interface Room {
  readers: Set<RoomReader>;
  ready: Promise<void>;
}

/** The rooms that this process has readers in: one subscription a room, however many read it. */
export class RoomHub {
  readonly #source: RoomSource;
  readonly #rooms = new Map<string, Room>();
  #lost = false;

  constructor(source: RoomSource) {
    this.#source = source;
    source.listen({
      event: (name, event, payload, json) => this.#deliver(name, new RoomFrame(event, payload, json)),
      lost: () => {
        this.#lost = true;
        this.#tellAll((reader) => reader.interrupted());
      },
      gap: () => {
        this.#lost = false;
        this.#tellAll((reader) => reader.refresh());
      },
    });
  }

  /**
   * Adds a reader. Once this resolves, every later event of the room reaches it.
   *
   * @throws when the broker does not answer
   */
  async join(name: string, reader: RoomReader): Promise<void> {
    const room = this.#rooms.get(name) ?? this.#open(name);
    room.readers.add(reader);
    if (this.#lost) reader.interrupted();
    try {
      await room.ready;
    } catch (error) {
      this.leave(name, reader);
      throw error;
    }
  }

  /** Removes a reader, if it is there. */
  leave(name: string, reader: RoomReader): void {
    const room = this.#rooms.get(name);
    if (!room?.readers.delete(reader) || room.readers.size > 0) return;
    this.#rooms.delete(name);
    this.#source.unsubscribe(name);
  }

  #open(name: string): Room {
    const room = { readers: new Set<RoomReader>(), ready: this.#source.subscribe(name) };
    this.#rooms.set(name, room);
    return room;
  }

  #tellAll(tell: (reader: RoomReader) => void): void {
    for (const { readers } of this.#rooms.values()) for (const reader of readers) tell(reader);
  }

  #deliver(name: string, frame: RoomFrame): void {
    const room = this.#rooms.get(name);
    if (room) for (const reader of room.readers) reader.accept(frame);
  }
}
