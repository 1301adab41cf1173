import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { openDatabase, rows, sqlState } from '../../src/data/database.ts';
import { assertSchemaCurrent, migrate, SchemaBehindError } from '../../src/data/migrate.ts';
import { listLedger, postEntry } from '../../src/data/repositories/ledger.ts';
import { claimSoleProcess, NotAloneError } from '../../src/data/sole-process.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { defer } from '../support/deferred.ts';
import { startRelay } from '../support/relay.ts';
import { until } from '../support/until.ts';

describe('migrations', () => {
  let database: TestDatabase;
  let others: TestDatabase['close'][];

  beforeEach(async function () {
    // The first file of a run may have to start PostgreSQL.
    this.timeout(60_000);
    others = [];
    database = await createEmptyDatabase();
  });
  afterEach(async () => {
    for (const close of others) await close();
    await database.close();
  });

  it('go up, down, and up to the same schema again', async () => {
    const empty = await schema();
    expect(empty.columns).to.deep.equal([]);
    const ran = await migrate(database);
    expect(ran).to.have.length.greaterThan(0);
    const full = await schema();
    expect(full.columns).to.have.length.greaterThan(50);
    expect(full.indexes).to.have.length.greaterThan(20);

    for (const _ of ran) await database.dataSource.undoLastMigration();
    expect(await schema()).to.deep.equal(empty);
    expect(await migrate(database)).to.deep.equal(ran);
    expect(await schema()).to.deep.equal(full);
  });

  it('run once, though many processes start at once', async () => {
    const processes = await Promise.all(Array.from({ length: 4 }, open));
    const ran = await Promise.all(processes.map(migrate));
    expect(ran.filter((names) => names.length > 0)).to.have.length(1);
    expect(await migrate(database)).to.deep.equal([]);
    await assertSchemaCurrent(database);
  });

  it('leave the lock when they fail, so that the next may try', async () => {
    // In the way of the first table.
    await rows(database.db, 'CREATE TABLE users (id int)');
    expect(String(await failureOf(migrate(database)))).to.match(/users.*already exists/);
    await rows(database.db, 'DROP TABLE users');
    const another = await open();
    expect(await migrate(another)).to.have.length.greaterThan(0);
  });

  it('make what the entities describe', async () => {
    await migrate(database);
    for (const { tableName, columns } of database.dataSource.entityMetadatas) {
      const found = await rows<{ name: string; nullable: boolean }>(
        database.db,
        `SELECT column_name AS name, is_nullable = 'YES' AS nullable FROM information_schema.columns
          WHERE table_schema = 'public' AND table_name = $1`,
        [tableName],
      );
      const described = columns.map(({ databaseName: name, isNullable: nullable }) => ({ name, nullable }));
      expect(found, tableName).to.deep.include.members(described);
    }
  });

  it('give accounts with a role that there is not that of a user, and let no other in', async () => {
    const { dataSource, db } = database;
    const last = (await migrate(database)).findIndex((name) => name.startsWith('AddIdentity'));
    for (let index = dataSource.migrations.length; index > last; index--)
      await dataSource.undoLastMigration();
    const [ann, bob] = [newId(), newId()];
    const insert = (id: string, role: string) =>
      rows(db, 'INSERT INTO users (id, email, role) VALUES ($1::uuid, $1::text, $2)', [id, role]);
    await insert(ann, 'emperor');
    await insert(bob, 'premium');
    await migrate(database);
    const found = await rows(db, 'SELECT id, role FROM users WHERE id IN ($1, $2) ORDER BY id', [ann, bob]);
    expect(found).to.deep.equal([
      { id: ann, role: 'user' },
      { id: bob, role: 'premium' },
    ]);
    const refused = await insert(newId(), 'emperor').catch(sqlState);
    expect(refused).to.equal('23503');
  });

  it('number the entries of a ledger that is there, with the balance after each', async () => {
    const { dataSource, db } = database;
    const last = (await migrate(database)).findIndex((name) => name.startsWith('AddCredits'));
    for (let index = dataSource.migrations.length; index > last; index--)
      await dataSource.undoLastMigration();
    const [ann, bob] = [newId(), newId()];
    await rows(db, 'INSERT INTO users (id, email) VALUES ($1::uuid, $1::text), ($2::uuid, $2::text)', [
      ann,
      bob,
    ]);
    const entries = [ann, bob, ann, ann].map((userId, index) => ({
      id: newId(),
      userId,
      amount: index + 0.5,
    }));
    // Stored in another order than made.
    for (const { id, userId, amount } of entries.toReversed()) {
      const sql = `INSERT INTO ledger_entries (id, user_id, kind, amount) VALUES ($1, $2, 'grant', $3)`;
      await rows(db, sql, [id, userId, amount]);
    }
    await rows(db, 'INSERT INTO accounts (user_id, balance) VALUES ($1, 6.5), ($2, 1.5)', [ann, bob]);
    await migrate(database);
    await database.transaction((inside) =>
      postEntry(inside, { id: newId(), userId: bob, kind: 'grant', amount: '1' }),
    );
    const listed = (userId: string) => listLedger(db, { userId, limit: 10 });
    const balances = async (userId: string) =>
      (await listed(userId)).map(({ balanceAfter }) => Number(balanceAfter));
    expect(await balances(ann)).to.deep.equal([6.5, 3, 0.5]);
    expect(await balances(bob)).to.deep.equal([2.5, 1.5]);
  });

  describe('a process', () => {
    it('does not start on a schema that is behind', async () => {
      expect(await failureOf(assertSchemaCurrent(database))).to.be.instanceOf(SchemaBehindError);
      await migrate(database);
      await assertSchemaCurrent(database);
      await database.dataSource.undoLastMigration();
      expect(await failureOf(assertSchemaCurrent(database))).to.be.instanceOf(SchemaBehindError);
    });

    describe('without Redis', () => {
      const onLost = (error: unknown) => expect.fail(String(error));
      const HELD = `FROM pg_locks JOIN pg_database d ON d.oid = database
                     WHERE locktype = 'advisory' AND granted AND datname = current_database()`;
      const holder = async () => {
        const sql = `SELECT pid, ((classid::bigint << 32) | objid::bigint)::text AS lock ${HELD}`;
        return (await rows<{ pid: number; lock: string }>(database.db, sql))[0];
      };
      /** By another connection than before. */
      const heldAgain = (before: Awaited<ReturnType<typeof holder>>) =>
        until('it has the lock again', async () => {
          const now = await holder();
          return now !== undefined && now.pid !== before?.pid;
        });
      const endHolder = () => rows(database.db, `SELECT pg_terminate_backend(pid) ${HELD}`);

      it('is alone on its database, until it leaves', async () => {
        const [first, second] = [await open(), await open()];
        const release = await claimSoleProcess(first, { onLost });
        expect(await failureOf(claimSoleProcess(second, { waitMs: 0, onLost }))).to.be.instanceOf(
          NotAloneError,
        );
        await release();
        const releaseSecond = await claimSoleProcess(second, { onLost });
        expect(await failureOf(claimSoleProcess(first, { waitMs: 0, onLost }))).to.be.instanceOf(
          NotAloneError,
        );
        await releaseSecond();
      });

      it('is alone again when PostgreSQL has ended its connection', async () => {
        const [first, second] = [await open(), await open()];
        const release = await claimSoleProcess(first, { onLost });
        for (let n = 0; n < 2; n += 1) {
          const before = await holder();
          await endHolder();
          await heldAgain(before);
          const failure = await failureOf(claimSoleProcess(second, { waitMs: 0, onLost }));
          expect(failure).to.be.instanceOf(NotAloneError);
        }
        await release();
        expect(await holder()).to.equal(undefined);
      });

      it('is alone again when it alone knows that its connection has ended', async () => {
        const url = new URL(database.url);
        const relay = await startRelay(Number(url.port));
        url.port = String(relay.port);
        const first = await openDatabase({ url: url.href, poolSize: 2 });
        others.push(first.close, relay.close);
        const release = await claimSoleProcess(first, { onLost });
        const before = await holder();
        relay.strand();
        await heldAgain(before);
        await release();
      });

      it('has to end when another one came before it', async () => {
        const [first, second] = [await open(), await open()];
        const lost = defer<unknown>();
        const release = await claimSoleProcess(first, { waitMs: 50, onLost: lost.resolve });
        // Whoever waits in PostgreSQL itself is the next.
        const next = second.dataSource.createQueryRunner();
        const waiting = next.query('SELECT pg_advisory_lock($1)', [(await holder())?.lock]);
        const waits = `SELECT pid ${HELD.replace('granted', 'NOT granted')}`;
        await until('the other one waits', async () => (await rows(database.db, waits)).length > 0);
        await endHolder();
        await waiting;
        expect(await lost.promise).to.be.instanceOf(NotAloneError);
        await release();
        await next.release();
      });

      it('leaves other databases alone', async () => {
        const elsewhere = await createEmptyDatabase();
        others.push(elsewhere.close);
        const release = await claimSoleProcess(database, { onLost });
        const releaseElsewhere = await claimSoleProcess(elsewhere, { onLost });
        await Promise.all([release(), releaseElsewhere()]);
      });
    });
  });

  /** Another process on the same database. */
  async function open() {
    const another = await openDatabase({ url: database.url, poolSize: 2 });
    others.push(another.close);
    return another;
  }

  /** Everything but the list of migrations that ran. */
  async function schema() {
    const columns = await rows<object>(
      database.db,
      `SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length,
              numeric_precision, numeric_scale, datetime_precision
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'migrations'
        ORDER BY table_name, ordinal_position`,
    );
    const indexes = await rows<object>(
      database.db,
      `SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'migrations' ORDER BY indexname`,
    );
    const constraints = await rows<object>(
      database.db,
      `SELECT conrelid::regclass::text AS of, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'migrations'
        ORDER BY 1, 2`,
    );
    return { columns, indexes, constraints };
  }
});

/** Why something failed; undefined when it did not. */
async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}
