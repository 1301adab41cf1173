import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { userRoom } from '../../src/contracts/events.ts';
import { RoomHub } from '../../src/realtime/room-hub.ts';
import { type ChatSocket, SocketConnection } from '../../src/realtime/socket-connection.ts';
import type { Identity } from '../../src/services/identity.ts';
import { type Deferred, defer } from '../support/deferred.ts';
import { silentLog as log } from '../support/global.ts';
import { ANN, type NamespaceWorld, startNamespace } from '../support/namespace-world.ts';
import { RawChatSocket } from '../support/raw-chat-socket.ts';
import { recordedRooms } from '../support/recorded-rooms.ts';
import { microtasks, until } from '../support/until.ts';

describe('the chat namespace', () => {
  let world: NamespaceWorld;
  afterEach(() => world.close());

  const isGone = () => until('the server has noticed', () => world.connections === 0);

  it('keeps nothing of a socket that leaves while it is being let in', async () => {
    const asked: Deferred<Identity>[] = [];
    world = await startNamespace({
      authenticate: () => {
        const identified = defer<Identity>();
        asked.push(identified);
        return identified.promise;
      },
    });
    const leaving = await RawChatSocket.knock(world, 'token');
    await until('it is asked who that is', () => asked.length === 1);
    leaving.close();
    await isGone();
    asked[0]?.resolve(ANN);
    await microtasks();
    expect(world.rooms).to.be.empty;

    const staying = RawChatSocket.connect(world, 'token');
    await until('it is asked who that is', () => asked.length === 2);
    asked[1]?.resolve(ANN);
    const socket = await staying;
    expect([...world.rooms]).to.deep.equal([userRoom(ANN.userId)]);
    socket.close();
    await isGone();
    expect(world.rooms).to.be.empty;
  });
});

describe('a connection that was closed', () => {
  it('does not go on with a fresh token', async () => {
    const told: string[] = [];
    const socket = { conn: {}, emit: (event: string) => told.push(event), disconnect() {} };
    const { source } = recordedRooms();
    const deps = { hub: new RoomHub(source), messages: {} as never, maxBufferBytes: 1_000, log };
    const connection = new SocketConnection(socket as unknown as ChatSocket, ANN, deps);
    await connection.open();
    connection.close();
    connection.renew({ ...ANN, expiresAt: 0 });
    // Timers of one length go off in their order, so that of an expiry would have been before.
    await sleep(1);
    expect(told).to.be.empty;
  });
});
