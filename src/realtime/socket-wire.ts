import type { Socket } from 'socket.io';
import type { Wire } from './outbox.ts';

/** What Engine.IO takes beside a packet, with what its types leave out. */
interface SendOptions {
  compress?: boolean;
  wsPreEncodedFrame?: Buffer[];
}

/**
 * The wire of a socket. On a WebSocket Engine.IO is given the frame as it goes out, made once for all sockets of a room,
 * as Socket.IO's own adapter does; it has to be able to encode the packet by itself for every other transport, and for a
 * WebSocket that was negotiated otherwise.
 */
export function socketWire(connection: Socket['conn']): Wire {
  return {
    write(frame, flushed) {
      const options: SendOptions =
        connection.transport.name === 'websocket' ? { wsPreEncodedFrame: [frame.webSocketFrame] } : {};
      connection.write(frame.packet, options, flushed);
    },
  };
}
