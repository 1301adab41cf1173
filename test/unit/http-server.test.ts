import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createHttpServer, endUnread } from '../../src/http/http-server.ts';
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

  describe('whose answers are not read', () => {
    const UNREAD_MS = 300;
    /** More than the kernel keeps for a connection. */
    const LONG = Buffer.alloc(20_000_000);
    let impatient: Server;
    let client: net.Socket;

    /** Answers each request with what is next; a number: that many milliseconds later, with little. */
    const answering = async (...bodies: (Buffer | number)[]) => {
      impatient = createHttpServer({ unreadMs: UNREAD_MS });
      impatient.on('request', (_request, answer) => {
        const body = bodies.shift() ?? '';
        if (typeof body === 'number') setTimeout(() => answer.end('little'), body);
        else answer.end(body);
      });
      impatient.listen(0, '127.0.0.1');
      await once(impatient, 'listening');
      client = net.connect((impatient.address() as AddressInfo).port, '127.0.0.1');
      client.on('error', () => {});
    };
    const ask = () => client.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
    afterEach(() => {
      client.destroy();
      impatient.closeAllConnections();
      impatient.close();
    });

    it('ends the connection when nothing is taken', async () => {
      await answering(LONG);
      const [connection] = (await Promise.all([once(impatient, 'connection'), ask()]))[0] as [net.Socket];
      client.pause();
      await once(connection, 'close');
      expect(connection.bytesWritten).to.be.greaterThan(0);
    });

    it('keeps it when some is taken now and then', async () => {
      await answering(LONG);
      ask();
      let taken = 0;
      let pauses = 0;
      client.on('data', (chunk) => {
        taken += chunk.length;
        if (pauses * 2_000_000 > taken) return;
        pauses += 1;
        client.pause();
        setTimeout(() => client.resume(), UNREAD_MS / 2);
      });
      await until('all of it is there', () => taken > LONG.length, 20_000);
      expect(pauses).to.be.greaterThan(5);
    });

    it('ends it also where somebody else answers than those who listen', async () => {
      await answering();
      // As Socket.IO does for its own path.
      impatient.removeAllListeners('request');
      impatient.on('request', (_request, answer) => answer.end(LONG));
      const connected = once(impatient, 'connection');
      ask();
      const [connection] = (await connected) as [net.Socket];
      client.pause();
      await once(connection, 'close');
    });

    it('ends it when the first of two is taken, and the second is not', async () => {
      await answering(LONG, LONG);
      const connected = once(impatient, 'connection');
      ask();
      ask();
      const [connection] = (await connected) as [net.Socket];
      let taken = 0;
      client.on('data', (chunk) => {
        taken += chunk.length;
        if (taken > LONG.length + 100_000) client.pause();
      });
      await once(connection, 'close');
      expect(taken).to.be.within(LONG.length, 2 * LONG.length);
    });

    it('keeps it while what is sent piece by piece is made slowly, and is read', async () => {
      await answering();
      impatient.removeAllListeners('request');
      impatient.on('request', async (_request, answer) => {
        endUnread(answer, UNREAD_MS);
        for (const piece of ['one, ', 'two, ', 'three']) {
          await sleep(UNREAD_MS * 1.5);
          answer.write(piece);
        }
        answer.end('.');
      });
      ask();
      let told = '';
      client.on('data', (chunk) => {
        told += chunk.toString('latin1');
      });
      await until('all of it is there', () => told.includes('three'));
    });

    it('lets the next answer of the connection take its time', async () => {
      await answering(LONG, UNREAD_MS * 2);
      ask();
      ask();
      let end = '';
      client.on('data', (chunk) => {
        end = (end + chunk.toString('latin1')).slice(-100);
      });
      await until('both are there', () => end.endsWith('little'));
    });
  });
});
