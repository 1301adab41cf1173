import { CHAT_NAMESPACE, type RoomEventName } from '../contracts/events.ts';

/**
 * The wire of the sharded Socket.IO adapter: what it would publish for `namespace.to(room).emit(event, payload)`,
 * so that a worker needs no Socket.IO server of its own to reach a room. The format is that of
 * `@socket.io/redis-adapter` 8.3 (`ClusterAdapter` messages); a contract test holds it against the adapter itself.
 */

/** Begins every channel. */
export const CHANNEL_PREFIX = 'parley';

/** The channel of one room, to which only the web processes that have the room are subscribed. */
export const roomChannel = (room: string): string => `${CHANNEL_PREFIX}#${CHAT_NAMESPACE}#${room}#`;

/** `MessageType.BROADCAST` of socket.io-adapter. */
const BROADCAST = 3;
/** `PacketType.EVENT` of socket.io-parser. */
const EVENT = 2;
/** Any sender but a web process's own id, whose messages it ignores. */
const SENDER = 'parley';

const HEAD = `{"uid":"${SENDER}","nsp":"${CHAT_NAMESPACE}","type":${BROADCAST},"data":{"opts":{"rooms":[`;
const BEFORE_EVENT = `],"except":[],"flags":{}},"packet":{"type":${EVENT},"data":["`;
const AFTER_EVENT = '",';

/** What stands before the payload; the same for all events of one name in one room. */
export function broadcastHead(room: string, event: RoomEventName): string {
  return `${HEAD}${JSON.stringify(room)}${BEFORE_EVENT}${event}${AFTER_EVENT}`;
}

/** What stands behind the payload. */
export const BROADCAST_TAIL = ']}}}';

/** An event for one room. `payloadJson` is the payload, encoded. */
export function encodeBroadcast(room: string, event: RoomEventName, payloadJson: string): string {
  return `${broadcastHead(room, event)}${payloadJson}${BROADCAST_TAIL}`;
}

/** An event as it came, its payload still encoded, so that it need not be encoded once more for every wire. */
export interface ReceivedBroadcast {
  room: string;
  event: RoomEventName;
  payloadJson: string;
}

/** Takes an event of ours apart again; undefined for whatever else the adapters tell each other. */
export function decodeBroadcast(text: string): ReceivedBroadcast | undefined {
  if (!text.startsWith(HEAD)) return undefined;
  const roomEnd = text.indexOf(BEFORE_EVENT, HEAD.length);
  const eventStart = roomEnd + BEFORE_EVENT.length;
  const eventEnd = text.indexOf(AFTER_EVENT, eventStart);
  return {
    // A room's name has nothing in it that JSON would write differently.
    room: text.slice(HEAD.length + 1, roomEnd - 1),
    event: text.slice(eventStart, eventEnd) as RoomEventName,
    payloadJson: text.slice(eventEnd + AFTER_EVENT.length, -BROADCAST_TAIL.length),
  };
}
