import type { RoomSource } from '../../src/realtime/room-hub.ts';

/** A source of rooms in which nothing happens, and the rooms that are subscribed. */
export function recordedRooms(): { source: RoomSource; rooms: Set<string> } {
  const rooms = new Set<string>();
  const source: RoomSource = {
    listen() {},
    async subscribe(room) {
      rooms.add(room);
    },
    unsubscribe(room) {
      rooms.delete(room);
    },
    async ping() {},
  };
  return { source, rooms };
}
