import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { ReplyError } from 'ioredis';
import { EntityNotFoundError, QueryFailedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { AppError } from '../../src/base/errors.ts';
import { Connection } from '../../src/data/connection.ts';
import { isOutage } from '../../src/data/outage.ts';
import { answerOf } from '../../src/feed/broker-away.ts';
import { presentProblem } from '../../src/presenters/problem.ts';

const answered = (code: string) => new QueryFailedError('', [], Object.assign(new Error('no'), { code }));

/** What a pool is told by a server that takes no connection: it ends it at once, or there is none. */
async function refusedBy(server: net.Server | undefined): Promise<unknown> {
  server?.listen(0, '127.0.0.1');
  if (server) await once(server, 'listening');
  const port = server ? (server.address() as AddressInfo).port : 1;
  const connection = new Connection({ host: '127.0.0.1', port, connectMs: 100 });
  connection.on('error', () => {});
  const error = await new Promise((resolve) => connection.connect(resolve));
  server?.close();
  return error;
}

const recovering = Buffer.from('E\0\0\0\x1fSFATAL\0C57P03\0Mrecovering\0\0');

describe('an outage of PostgreSQL', () => {
  const OUTAGES: Record<string, unknown> = {
    'a connection that an administrator ended': answered('57P01'),
    'a server that is starting': answered('57P03'),
    'a server that is full': answered('53300'),
    'a connection that failed': answered('08006'),
    'a connection that ended in the middle': new QueryFailedError('', [], new Error('Connection terminated')),
    ...Object.fromEntries(
      ['ECONNRESET', 'EPIPE', 'ETIMEDOUT'].map((code) => [
        `a connection that ended with ${code}`,
        new QueryFailedError('', [], Object.assign(new Error(code), { code, errno: -104, syscall: 'read' })),
      ]),
    ),
    'a transaction whose connection is gone': new QueryRunnerProviderAlreadyReleasedError(),
  };
  for (const [what, error] of Object.entries(OUTAGES)) {
    it(`is ${what}`, () => {
      expect(isOutage(error)).to.equal(true);
      const { status, code, retryAfterSeconds, detail } = presentProblem(error, 'r');
      expect({ status, code, retryAfterSeconds }).to.deep.equal({
        status: 503,
        code: 'not_ready',
        retryAfterSeconds: 2,
      });
      expect(detail).to.not.match(/ECONN|terminated/);
    });
  }

  it('is told like one of the broker', async () => {
    const error = await answerOf(Promise.reject(new Error('Connection is closed.'))).catch((away) => away);
    expect(presentProblem(error, 'r')).to.deep.include({
      status: 503,
      code: 'not_ready',
      retryAfterSeconds: 2,
    });
    const answered = new ReplyError('WRONGTYPE');
    expect(await answerOf(Promise.reject(answered)).catch((answer) => answer)).to.equal(answered);
  });

  const SERVERS: Record<string, net.Server | undefined> = {
    'nobody who listens': undefined,
    'a server that hangs up': net.createServer((socket) => socket.destroy()),
    'a server that says nothing': net.createServer((socket) => socket.resume().unref()),
    'a server that recovers': net.createServer((socket) => socket.once('data', () => socket.end(recovering))),
  };
  for (const [what, server] of Object.entries(SERVERS)) {
    it(`is ${what}`, async () => {
      const error = await refusedBy(server);
      expect(error).to.be.instanceOf(Error);
      expect(isOutage(error)).to.equal(true);
      expect(presentProblem(error, 'r').status).to.equal(503);
    });
  }

  const OTHERS: Record<string, unknown> = {
    'a value that is there already': answered('23505'),
    'a deadlock': answered('40P01'),
    'a statement that took too long': answered('57014'),
    'a mistake of ours': new TypeError('undefined is not a function'),
    'a mistake of ours that TypeORM finds': new EntityNotFoundError('users', {}),
    'another server that is away': Object.assign(new Error('ECONNREFUSED'), { code: 'ECONNREFUSED' }),
    'a refusal': new AppError('not_found', 'There is no such message.'),
    'nothing that is an error': 'ECONNREFUSED',
  };
  for (const [what, error] of Object.entries(OTHERS)) {
    it(`is not ${what}`, () => {
      expect(isOutage(error)).to.equal(false);
      expect(presentProblem(error, 'r').status).to.not.equal(503);
    });
  }
});
