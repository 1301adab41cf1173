import { once } from 'node:events';
import type http from 'node:http';
import { expect } from 'chai';
import { sessionRoom } from '../../src/contracts/events.ts';
import { createEventStreams } from '../../src/realtime/event-streams.ts';
import { RoomHub } from '../../src/realtime/room-hub.ts';
import { createSessionStreams } from '../../src/realtime/sse.ts';
import { type Deferred, defer } from '../support/deferred.ts';
import { silentLog as log } from '../support/global.ts';
import { useHttpExchanges } from '../support/http-exchanges.ts';
import { ANN } from '../support/namespace-world.ts';
import { recordedRooms } from '../support/recorded-rooms.ts';
import { microtasks, until } from '../support/until.ts';

describe('the event stream of a session', () => {
  const sessionId = 'a session';
  const { source, rooms } = recordedRooms();
  const revocations = { isRevoked: () => false, onRevoked: () => () => {} };
  const streams = createEventStreams({ heartbeatMs: 60_000, revocations });
  let running: Deferred<[]>;
  const nothing = async () => [];
  const none = async () => ({ read: [], left: [] });
  const { serve } = createSessionStreams({
    hub: new RoomHub(source),
    access: { onChanged: () => () => {} },
    authorize: async () => {},
    messages: { running: () => running.promise, newerIds: nothing, oldest: none } as never,
    userConnections: { enter: () => () => {} },
    maxBufferBytes: 1_000_000,
    streams,
    log,
  });
  const { ask: asked } = useHttpExchanges();
  after(() => streams.stop());

  let posted: number;
  beforeEach(() => {
    running = defer();
    posted = 0;
  });
  const prepare = async () => {
    posted += 1;
    return [];
  };
  const serving = (response: http.ServerResponse) =>
    serve({ identity: ANN, sessionId, after: undefined, prepare, response });
  const expectNothing = () => {
    expect([...rooms], 'rooms').to.be.empty;
    expect({ posted, open: streams.count }).to.deep.equal({ posted: 0, open: 0 });
  };

  it('reads the room until its client leaves', async () => {
    running.resolve([]);
    const { request, response } = await asked();
    await serving(response);
    expect([...rooms]).to.deep.equal([sessionRoom(sessionId)]);
    expect({ posted, open: streams.count }).to.deep.equal({ posted: 1, open: 1 });
    request.destroy();
    await once(response, 'close');
    expect([...rooms]).to.be.empty;
  });

  it('is not begun for a client that left before, nor is its prompt posted', async () => {
    running.resolve([]);
    const { request, response } = await asked();
    request.destroy();
    await once(response, 'close');
    await serving(response);
    expectNothing();
  });

  it('posts no prompt for a client that leaves while the room is joined', async () => {
    const { request, response } = await asked();
    const served = serving(response);
    await until('the room is joined', () => rooms.size === 1);
    await microtasks();
    request.destroy();
    await once(response, 'close');
    running.resolve([]);
    await served;
    expectNothing();
  });
});
