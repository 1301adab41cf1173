import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { boundPackets } from '../../src/realtime/bound-packets.ts';
import { type ChatNamespaceDeps, serveChatNamespace } from '../../src/realtime/chat-namespace.ts';
import { RoomHub } from '../../src/realtime/room-hub.ts';
import { UserConnections } from '../../src/realtime/user-connections.ts';
import type { Identity } from '../../src/services/identity.ts';
import { silentLog as log } from './global.ts';
import { recordedRooms } from './recorded-rooms.ts';
import type { Served } from './test-user.ts';

/** Who every token is of. It expires as late as an API key may, which is too far for a timer. */
export const ANN: Identity = {
  userId: 'ann',
  role: 'user',
  familyId: 'sign-in',
  tokenId: 'token',
  expiresAt: Date.UTC(9999, 11, 31),
};

/** Of a user about whom nothing can be missed. */
export const NO_STATE: ChatNamespaceDeps['userRoom'] = {
  balance: async () => undefined,
  sessionsSince: async () => [],
};

/** `/chat` on a server of its own, without a database: what the events do is up to the test. */
export interface NamespaceWorld extends Served {
  /** The rooms that somebody reads. */
  readonly rooms: ReadonlySet<string>;
  /** How many connections there are, in the namespace or not. */
  readonly connections: number;
  close(): Promise<void>;
}

/** Starts it on a free port. Every token is {@link ANN}'s, and every session is hers, unless told otherwise. */
export async function startNamespace(replaced: Partial<ChatNamespaceDeps> = {}): Promise<NamespaceWorld> {
  const { source, rooms } = recordedRooms();
  const server = createServer();
  const io = new Server(server, { serveClient: false });
  const nothing = async () => [];
  const none = async () => ({ read: [], left: [] });
  const stop = serveChatNamespace(io, {
    hub: new RoomHub(source),
    messages: { running: nothing, newerIds: nothing, oldest: none } as never,
    userRoom: NO_STATE,
    userConnections: new UserConnections(1_000),
    maxBufferBytes: 1_000_000,
    log,
    authenticate: () => ANN,
    access: { onChanged: () => () => {} },
    authorize: async () => {},
    handshakes: { enter: async () => {}, countRequest: async () => {} },
    requireSession: async () => {},
    sendMessage: async () => ({ message: {}, replies: [] }) as never,
    stopMessage: async () => 'streaming',
    revocations: { isRevoked: () => false, onRevoked: () => () => {} },
    ...replaced,
  });
  boundPackets(io.engine);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rooms,
    get connections() {
      return io.engine.clientsCount;
    },
    async close() {
      stop();
      await io.close();
    },
  };
}
