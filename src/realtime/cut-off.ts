import type { Socket } from 'socket.io';

/**
 * Breaks a connection off, at once and with all that was not read yet: `close` would keep that, and go on reading, until
 * it is too late for an answer (up to 75 s). The client takes it for a lost connection and comes back.
 */
export function cutOff(connection: Socket['conn']): void {
  // The WebSocket, where it is one, is not in the types.
  const { socket } = connection.transport as { socket?: { terminate(): void } };
  if (socket) socket.terminate();
  else connection.close(true);
}
