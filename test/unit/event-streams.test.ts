import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createEventStreams } from '../../src/realtime/event-streams.ts';

describe('event streams', () => {
  const revocations = { isRevoked: () => false, onRevoked: () => () => {} };
  const streams = createEventStreams({ heartbeatMs: 60_000, revocations });
  const server = http.createServer();
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    streams.stop();
    server.closeAllConnections();
    server.close();
  });

  const asked = async () => {
    const request = http.get(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { agent: false });
    request.on('error', () => {});
    const [, response] = (await once(server, 'request')) as [unknown, http.ServerResponse];
    return { request, response };
  };
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
});
