import type { Logger } from '../base/logger.ts';
import { type RoomEventName, type RoomEvents, sessionRoom, userRoom } from '../contracts/events.ts';
import type { RoomPublisher } from '../feed/ports.ts';

/**
 * Tells rooms what has happened. By then it is committed, so a broker that is away must not fail the request:
 * whoever misses an event gets it at the next join.
 */
export interface Announcer {
  /** Resolves to whether the broker has it. */
  toSession<E extends RoomEventName>(sessionId: string, event: E, payload: RoomEvents[E]): Promise<boolean>;
  toUser<E extends RoomEventName>(userId: string, event: E, payload: RoomEvents[E]): Promise<boolean>;
}

/** Makes the announcer of a process. */
export function createAnnouncer(rooms: RoomPublisher, log: Logger): Announcer {
  const announce = async <E extends RoomEventName>(room: string, event: E, payload: RoomEvents[E]) => {
    try {
      await rooms.publish(room, event, payload);
      return true;
    } catch (error) {
      log.warn({ err: error, room, event }, 'an event was not published');
      return false;
    }
  };
  return {
    toSession: (sessionId, event, payload) => announce(sessionRoom(sessionId), event, payload),
    toUser: (userId, event, payload) => announce(userRoom(userId), event, payload),
  };
}
