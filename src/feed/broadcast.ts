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
export const BROADCAST = 3;
/** `PacketType.EVENT` of socket.io-parser. */
const EVENT = 2;
/** Any sender but a web process's own id, whose messages it ignores. */
const SENDER = 'parley';

/** An event for one room. `payloadJson` is the payload, encoded. */
export function encodeBroadcast(room: string, event: RoomEventName, payloadJson: string): string {
  return `${broadcastHead(room, event)}${payloadJson}${BROADCAST_TAIL}`;
}

/** What stands before the payload; the same for all events of one name in one room. */
export function broadcastHead(room: string, event: RoomEventName): string {
  const opts = JSON.stringify({ rooms: [room], except: [], flags: {} });
  return `{"uid":"${SENDER}","nsp":"${CHAT_NAMESPACE}","type":${BROADCAST},"data":{"opts":${opts},"packet":{"type":${EVENT},"nsp":"${CHAT_NAMESPACE}","data":["${event}",`;
}

/** What stands behind the payload. */
export const BROADCAST_TAIL = ']}}}';
