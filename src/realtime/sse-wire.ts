import type { ServerResponse } from 'node:http';
import { type EventId, formatEventId } from '../contracts/event-id.ts';
import type { Wire } from './outbox.ts';
import type { RoomFrame } from './room-frame.ts';

/** The wire of an event stream: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function sseWire(response: ServerResponse): Wire {
  /** Where the client is in each message that has not ended. */
  const positions = new Map<string, EventId>();
  return {
    encode(frame) {
      const id = positionAfter(frame, positions);
      return `event: ${frame.event}\n${id ? `id: ${formatEventId(id)}\n` : ''}data: ${frame.json}\n\n`;
    },
    write(data, flushed) {
      response.write(data, () => flushed());
    },
  };
}

function positionAfter(frame: RoomFrame, positions: Map<string, EventId>): EventId | undefined {
  if (frame.is('message:stream')) {
    const { messageId, attempt, offset, delta } = frame.payload;
    return remember(positions, { messageId, attempt, offset: offset + delta.length, done: false });
  }
  if (frame.is('message:new') || frame.is('message:update')) {
    const { id: messageId, attempt, content } = frame.payload;
    return remember(positions, { messageId, attempt, offset: content.length, done: false });
  }
  if (frame.is('message:done')) {
    const { messageId } = frame.payload;
    const last = positions.get(messageId) ?? { messageId, attempt: 0, offset: 0 };
    positions.delete(messageId);
    return { ...last, done: true };
  }
  return undefined;
}

function remember(positions: Map<string, EventId>, position: EventId): EventId {
  positions.set(position.messageId, position);
  return position;
}
