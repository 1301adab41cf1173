import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createHttpServer } from '../../src/http/http-server.ts';
import { until } from '../support/until.ts';

describe('an HTTP server', () => {
  const server = createHttpServer({ upgradePath: '/socket.io/' });
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('tells every answer of a connection that it has closed, also those that wait for the one before', async () => {
    const answers: ServerResponse[] = [];
    const closed: ServerResponse[] = [];
    server.on('request', (_request, answer) => {
      answers.push(answer);
      answer.on('close', () => closed.push(answer));
      answer.writeHead(200).write('beginning');
    });
    const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n'.repeat(4));
    await until('all were asked', () => answers.length === 4);
    // One that is over before it is its turn, and one that is over by the time.
    answers[2]?.end();
    answers[0]?.end();
    await until('the first was sent', () => closed.length === 1);
    client.destroy();
    await until('all were told', () => closed.length === 4);
    expect(closed).to.have.members(answers);
    expect(answers.slice(1).every(({ destroyed }) => destroyed)).to.equal(true);
    // Whoever goes on writing harms nobody.
    for (const answer of answers) answer.write('rest');
    await new Promise(setImmediate);
    expect(closed.length).to.equal(4);
  });
});
