import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { encodeTextFrame } from '../../src/realtime/text-frame.ts';

/** What a client of WebSockets makes of some bytes that a server sends. */
async function receive(frames: Buffer[]): Promise<string[]> {
  const server = createServer((socket: Socket) => {
    socket.once('data', (request) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(request.toString())?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      for (const frame of frames) socket.write(frame);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    maxPayload: 1e9,
  });
  const received: string[] = [];
  await new Promise<void>((resolve, reject) => {
    client.on('error', reject);
    client.on('message', (data, isBinary) => {
      received.push(isBinary ? 'binary' : data.toString());
      if (received.length === frames.length) resolve();
    });
  });
  client.terminate();
  server.close();
  return received;
}

describe('encodeTextFrame', () => {
  it('makes frames that a WebSocket client reads, of every length', async () => {
    const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000];
    const texts = [...lengths.map((length) => 'x'.repeat(length)), 'é', '😀'.repeat(40), '…'.repeat(30_000)];
    expect(await receive(texts.map(encodeTextFrame))).to.deep.equal(texts);
  });
});
