import type { Server, Socket } from 'socket.io';
import { cutOff } from './cut-off.ts';

/** Most packets that may wait for a connection that asks and does not read. */
const MAX_WAITING_PACKETS = 10_000;

/**
 * Cuts connections off that send without reading, whatever they send: Socket.IO answers by itself what is no event, as
 * to be let in where there is nothing, before anybody is known.
 */
export function boundPackets(engine: Server['engine']): void {
  engine.on('connection', (connection: Socket['conn']) => {
    connection.on('packet', () => {
      if (waitingPackets(connection) > MAX_WAITING_PACKETS) cutOff(connection);
    });
  });
}

function waitingPackets(connection: Socket['conn']): number {
  return (connection as unknown as { writeBuffer: unknown[] }).writeBuffer.length;
}
