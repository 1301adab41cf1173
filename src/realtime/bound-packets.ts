import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'socket.io';
import { cutOff } from './cut-off.ts';
import { sessionIdOf } from './session-id.ts';

/** Most packets that may wait for a connection that asks and does not read. */
const MAX_WAITING_PACKETS = 10_000;
/** Most packets of one request of long polling; a message of a WebSocket is one. Twice as many as may wait of one client. */
const MAX_SENT_PACKETS = 1_000;
/** https://socket.io/docs/v4/engine-io-protocol/#http-long-polling-1 */
const SEPARATOR = '\x1e';

/**
 * Cuts off connections that send without reading, whatever they send: Socket.IO itself answers packets that are no
 * events, such as a request for a namespace that there is not, before it is known who sends them. Cuts off also those that
 * send too many packets in one request: they would all be worked on in one go, while everybody else waits. To be called
 * once the engine is attached.
 */
export function boundPackets(engine: Server['engine']): void {
  const connections = new Map<string, Socket['conn']>();
  engine.on('connection', (connection: Socket['conn']) => {
    const { sid } = connection.transport;
    connections.set(sid, connection);
    connection.once('close', () => connections.delete(sid));
    connection.on('packet', () => {
      if (waitingPackets(connection) > MAX_WAITING_PACKETS) cutOff(connection);
    });
  });
  engine.use((request: IncomingMessage, _response: unknown, next: () => void) => {
    // Engine.IO begins to read in this same turn of the event loop, and misses nothing of what is counted.
    const connection = request.method === 'POST' && connections.get(sessionIdOf(request) ?? '');
    if (connection) boundSent(request, connection);
    next();
  });
}

function waitingPackets(connection: Socket['conn']): number {
  return (connection as unknown as { writeBuffer: unknown[] }).writeBuffer.length;
}

/** Counts what comes while it comes, so that no more is kept than may be. */
function boundSent(request: IncomingMessage, connection: Socket['conn']): void {
  let packets = 1;
  request.on('data', (chunk: Buffer | string) => {
    for (let at = chunk.indexOf(SEPARATOR); at >= 0; at = chunk.indexOf(SEPARATOR, at + 1)) {
      packets += 1;
      if (packets <= MAX_SENT_PACKETS) continue;
      // Without an error it could still come to its end.
      request.destroy(new Error('too many packets'));
      cutOff(connection);
      return;
    }
  });
}
