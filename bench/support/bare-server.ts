import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { Metronome } from './metronome.ts';
import type { Load } from './token.ts';

/**
 * The bare baseline: Socket.IO in one process, no Redis, no worker, nothing kept: `room.emit` for every delta.
 * A client joins a room by its handshake; the parent starts the load.
 */
const server = createServer();
const io = new Server(server, { perMessageDeflate: false, transports: ['websocket'], serveClient: false });
const chat = io.of('/chat');
chat.on('connection', (socket) => void socket.join(socket.handshake.auth.room as string));
const metronome = new Metronome();

process.on('message', (message: { rooms: string[]; load: Load }) => {
  for (const room of message.rooms) {
    let offset = 0;
    metronome.add({
      ...message.load,
      emit(delta) {
        chat.to(room).emit('message:stream', { sessionId: room, messageId: room, attempt: 1, offset, delta });
        offset += delta.length;
      },
      done() {},
    });
  }
});

server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
