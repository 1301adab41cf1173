import { once } from 'node:events';
import net from 'node:net';
import { expect } from 'chai';
import { openDatabase, rows } from '../../src/data/database.ts';
import { long } from '../../src/data/long-statements.ts';
import { isOutage } from '../../src/data/outage.ts';
import { poolUse } from '../../src/data/pool-use.ts';
import { prepared } from '../../src/data/prepared.ts';
import { useTestDatabase } from '../support/database.ts';
import { startRelay } from '../support/relay.ts';

/** `ReadyForQuery`, idle: https://www.postgresql.org/docs/current/protocol-message-formats.html */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** `ErrorResponse`: what PostgreSQL says to connections that an operator ends. */
function terminated(): Buffer {
  const fields = Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0');
  const length = Buffer.alloc(4);
  length.writeInt32BE(fields.length + 4);
  return Buffer.concat([Buffer.from('E'), length, fields]);
}

describe('the database', () => {
  const database = useTestDatabase();

  it('that ends a connection in the moment in which it was opened fails one statement, not the process', async () => {
    const { hostname, port } = new URL(database().url);
    let opened = 0;
    const proxy = net.createServer((client) => {
      const server = net.connect(Number(port), hostname);
      client.pipe(server);
      const ends = opened === 1;
      opened += 1;
      server.on('data', (chunk) => {
        if (!ends || !chunk.subarray(-READY.length).equals(READY)) client.write(chunk);
        else client.end(Buffer.concat([chunk, terminated()]));
      });
      for (const socket of [client, server]) socket.on('error', () => {});
      server.on('close', () => client.destroy());
      client.on('close', () => server.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const url = new URL(database().url);
    url.hostname = '127.0.0.1';
    url.port = String((proxy.address() as net.AddressInfo).port);
    const through = await openDatabase({ url: url.href, poolSize: 2 });
    try {
      const both = await Promise.allSettled([
        rows(through.db, 'SELECT pg_sleep(0.05)'),
        rows(through.db, 'SELECT pg_sleep(0.05)'),
      ]);
      expect(both.map(({ status }) => status)).to.have.members(['fulfilled', 'rejected']);
      expect(await rows(through.db, 'SELECT 1 AS one')).to.deep.equal([{ one: 1 }]);
    } finally {
      await through.close();
      proxy.close();
    }
  });

  describe('behind a network', () => {
    const SILENCE_MS = 300;
    const failureOf = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => undefined,
        (error: unknown) => error,
      );

    /** Two connections, through a relay. */
    async function openThroughRelay() {
      const url = new URL(database().url);
      const relay = await startRelay(Number(url.port));
      url.hostname = '127.0.0.1';
      url.port = String(relay.port);
      const through = await openDatabase({ url: url.href, poolSize: 2, silenceMs: SILENCE_MS });
      return { relay, through };
    }

    it('that swallows what is said is taken for an outage, and other connections are made', async () => {
      const { relay, through } = await openThroughRelay();
      try {
        const ask = () => rows(through.db, prepared('SELECT $1::int AS one'), [1]);
        await Promise.all([ask(), ask()]);
        relay.hold();
        // More than there are connections: the third waits for what comes in the place of the first.
        const asked = await Promise.all([failureOf(ask()), failureOf(ask()), failureOf(ask())]);
        expect(asked.map((failure) => failure !== undefined && isOutage(failure))).to.have.members([
          true,
          true,
          false,
        ]);
        expect(await ask()).to.deep.equal([{ one: 1 }]);
        expect(poolUse(through).open).to.be.at.most(2);
      } finally {
        await through.close();
        await relay.close();
      }
    });

    it('that takes a connection and says nothing fails whoever opens it', async () => {
      const silent = net.createServer((client) => client.resume());
      silent.listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as net.AddressInfo;
      const url = `postgres://parley@127.0.0.1:${port}/parley`;
      try {
        expect(await failureOf(openDatabase({ url, poolSize: 2, connectMs: 200 }))).to.be.an('error');
      } finally {
        silent.close();
      }
    });

    it('that swallows the answers fails a transaction in its middle, and frees what it held', async () => {
      const { relay, through } = await openThroughRelay();
      try {
        const failure = await failureOf(
          through.transaction(async (db) => {
            await rows(db, 'SELECT 1');
            relay.holdAnswers();
            await rows(db, 'SELECT 2');
          }),
        );
        expect(isOutage(failure)).to.equal(true);
        expect(poolUse(through)).to.include({ open: 0, waiting: 0 });
        expect(await rows(through.db, 'SELECT 3 AS three')).to.deep.equal([{ three: 3 }]);
      } finally {
        await through.close();
        await relay.close();
      }
    });

    it('is waited for as long as a statement takes that is marked as long, and no other', async () => {
      const { relay, through } = await openThroughRelay();
      try {
        const sleep = `SELECT pg_sleep(${(SILENCE_MS * 3) / 1_000})`;
        expect(isOutage(await failureOf(rows(through.db, sleep)))).to.equal(true);
        expect(await failureOf(rows(through.db, long(`${sleep} AS long`)))).to.equal(undefined);
        // It is nobody's debt while nothing is asked.
        expect(await failureOf(rows(through.db, 'SELECT 1'))).to.equal(undefined);
      } finally {
        await through.close();
        await relay.close();
      }
    });
  });

  it('prepares a statement that is marked once on each connection, and no other', async () => {
    const one = await openDatabase({ url: database().url, poolSize: 1 });
    try {
      const sum = prepared('SELECT $1::int + $2::int AS sum');
      expect(await rows(one.db, sum, [1, 2])).to.deep.equal([{ sum: 3 }]);
      const inside = await one.transaction((db) => rows(db, sum, [3, 4]));
      expect(inside).to.deep.equal([{ sum: 7 }]);
      expect(await rows(one.db, 'SELECT $1::int AS other', [5])).to.deep.equal([{ other: 5 }]);
      const asked =
        'SELECT statement, (generic_plans + custom_plans)::int AS runs FROM pg_prepared_statements';
      expect(await rows(one.db, asked)).to.deep.equal([{ statement: sum, runs: 2 }]);
    } finally {
      await one.close();
    }
  });

  it('says of a prepared statement that fails what it says of any other', async () => {
    const failing = prepared('INSERT INTO groups (id, user_id, name) VALUES ($1, $2, $3)');
    const [id, nobody] = [crypto.randomUUID(), crypto.randomUUID()];
    const error: unknown = await rows(database().db, failing, [id, nobody, 'mine']).catch((thrown) => thrown);
    expect(error).to.include({ code: 'unauthenticated' });
  });
});
