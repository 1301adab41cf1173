import { once } from 'node:events';
import type http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createEventStreams } from '../../src/realtime/event-streams.ts';
import { RoomFrame } from '../../src/realtime/room-frame.ts';
import { sseWire } from '../../src/realtime/sse-wire.ts';
import { useHttpExchanges } from '../support/http-exchanges.ts';
import { until } from '../support/until.ts';

describe('event streams', () => {
  const revocations = { isRevoked: () => false, onRevoked: () => () => {} };
  const streams = createEventStreams({ heartbeatMs: 60_000, revocations });
  const { server, ask: asked } = useHttpExchanges();
  after(() => streams.stop());

  const open = (response: http.ServerResponse) => {
    const identity = { userId: 'u', familyId: 'f', expiresAt: Number.POSITIVE_INFINITY };
    return streams.open(response, identity as Parameters<typeof streams.open>[1]);
  };

  it('are kept until their clients leave', async () => {
    const { request, response } = await asked();
    open(response);
    expect(streams.count).to.equal(1);
    request.destroy();
    await once(response, 'close');
    expect(streams.count).to.equal(0);
  });

  it('are not kept for a client that left before', async () => {
    const { request, response } = await asked();
    request.destroy();
    await once(response, 'close');
    await open(response).send({});
    expect(streams.count).to.equal(0);
  });

  /** A client that asks, and then never reads. */
  const deaf = async () => {
    const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const [, response] = (await once(server, 'request')) as [unknown, http.ServerResponse];
    socket.pause();
    return { socket, response };
  };

  it('end once, however often they are told to, and though their client does not read', async () => {
    const quick = createEventStreams({ heartbeatMs: 5, revocations });
    const { socket, response } = await deaf();
    const identity = { userId: 'u', familyId: 'f', expiresAt: Date.now() + 30 };
    const stream = quick.open(response, identity as Parameters<typeof streams.open>[1]);
    // More than a socket holds, so that the end has to wait.
    void stream.send('x'.repeat(20_000_000));
    await until('its token has run out', () => response.writableEnded);
    // Several heartbeats later.
    let beats = 0;
    const counting = setInterval(() => (beats += 1), 5);
    await until('some heartbeats', () => beats > 5);
    clearInterval(counting);
    await stream.send('late');
    stream.end();
    quick.stop();
    expect(response.destroyed).to.equal(false);
    socket.destroy();
    await once(response, 'close');
  });

  it('take nothing after their end', async () => {
    const { socket, response } = await deaf();
    const stream = open(response);
    const failures: unknown[] = [];
    response.on('error', (error) => failures.push(error));
    void stream.send('x'.repeat(20_000_000));
    stream.end();
    sseWire(response, []).write(new RoomFrame('session:delete', { sessionId: 's' }), () => {});
    socket.destroy();
    await once(response, 'close');
    expect(failures).to.deep.equal([]);
  });

  it('are cut off instead of ended where an end would pass for the end of the text', async () => {
    const { request, response } = await asked();
    const cut = createEventStreams({ heartbeatMs: 60_000, revocations });
    const identity = { userId: 'u', familyId: 'f', expiresAt: Number.POSITIVE_INFINITY };
    cut.open(response, identity as Parameters<typeof streams.open>[1], undefined, (each) => each.destroy());
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    answer.resume();
    const failed = once(answer, 'error');
    cut.stop();
    expect(await failed).to.have.nested.property('0.code', 'ECONNRESET');
  });
});
