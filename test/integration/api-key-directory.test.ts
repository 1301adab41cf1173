import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { createLogger, type Logger } from '../../src/base/logger.ts';
import { hashSecret } from '../../src/base/secrets.ts';
import { rows } from '../../src/data/database.ts';
import { type ApiKeyDirectory, createApiKeyDirectory } from '../../src/services/api-key-directory.ts';
import { newApiKeySecret } from '../../src/services/api-key-secrets.ts';
import { useTestDatabase } from '../support/database.ts';
import { silentLog } from '../support/global.ts';
import { refusalOf } from '../support/refusal.ts';
import { type SpiedDatabase, spyOn } from '../support/spied-database.ts';
import { until } from '../support/until.ts';

describe('the directory of API keys', () => {
  const database = useTestDatabase();
  const realNow = Date.now;
  let began: number;
  const revoked = new Set<string>();
  let spied: SpiedDatabase;
  let directory: ApiKeyDirectory;
  let id: string;
  let key: string;

  beforeEach(async () => {
    began = realNow();
    later(0);
    spied = spyOn(database());
    directory = open();
    [id, key] = [newId(), newApiKeySecret()];
    const userId = newId();
    await rows(database().db, 'INSERT INTO users (id, email) VALUES ($1, $2)', [
      userId,
      `${userId}@example.com`,
    ]);
    await rows(
      database().db,
      `INSERT INTO api_keys (id, user_id, name, prefix, key_hash, scopes) VALUES ($1, $2, '', '', $3, '["chat"]')`,
      [id, userId, hashSecret(key)],
    );
  });
  afterEach(async () => {
    Date.now = realNow;
    await directory.stop();
  });

  const open = (log: Logger = silentLog) =>
    createApiKeyDirectory({ database: spied, revocations: { isRevoked: (each) => revoked.has(each) }, log });
  /** The clock stands: however long a look takes, it is as late as the test says. */
  const later = (ms: number) => {
    Date.now = () => began + ms;
  };
  const looks = () => spied.asked.filter(({ sql }) => sql.startsWith('SELECT')).length;
  const notes = () => spied.asked.filter(({ sql }) => sql.startsWith('UPDATE')).length;
  const noted = async () => {
    const [row] = await rows<{ at: Date | null }>(
      database().db,
      'SELECT last_used_at AS at FROM api_keys WHERE id = $1',
      [id],
    );
    return row?.at?.getTime();
  };
  /** As if the key had been used so long ago. */
  const usedAgo = (seconds: number) =>
    rows(database().db, `UPDATE api_keys SET last_used_at = now() - $2 * interval '1 second' WHERE id = $1`, [
      id,
      seconds,
    ]);

  it('looks a good key up again after 5 s, and no sooner', async () => {
    await directory.identify(key);
    later(4_900);
    await directory.identify(key);
    expect(looks()).to.equal(1);
    later(5_100);
    await directory.identify(key);
    expect(looks()).to.equal(2);
  });

  it('finds out within 5 s what was revoked, expired or deleted behind its back', async () => {
    const changes: [sql: string, code: string][] = [
      ['UPDATE api_keys SET revoked_at = now() WHERE id = $1', 'token_revoked'],
      [
        `UPDATE api_keys SET revoked_at = NULL, expires_at = now() - interval '1 day' WHERE id = $1`,
        'token_expired',
      ],
      ['DELETE FROM api_keys WHERE id = $1', 'unauthenticated'],
    ];
    await directory.identify(key);
    for (const [index, [sql, code]] of changes.entries()) {
      await rows(database().db, sql, [id]);
      later((index + 1) * 5_100);
      expect(await refusalOf(Promise.resolve().then(() => directory.identify(key)))).to.have.property(
        'code',
        code,
      );
    }
  });

  it('refuses a key that is revoked while it is looked up', async () => {
    const asking = Promise.resolve(directory.identify(key));
    revoked.add(id);
    expect(await refusalOf(asking)).to.have.property('code', 'token_revoked');
    expect(notes()).to.equal(0);
  });

  it('looks each time for a key that is no good, whatever is wrong with it, so that it takes as long', async () => {
    const looksFor = async (wrong: string, code: string) => {
      const before = looks();
      for (let n = 0; n < 3; n += 1) {
        expect(await refusalOf(Promise.resolve().then(() => directory.identify(wrong)))).to.have.property(
          'code',
          code,
        );
      }
      return looks() - before;
    };
    expect(await looksFor(newApiKeySecret(), 'unauthenticated')).to.equal(3);
    const expireAt = (ms: number) =>
      rows(database().db, 'UPDATE api_keys SET expires_at = $2 WHERE id = $1', [id, new Date(began + ms)]);
    await expireAt(0);
    expect(await looksFor(key, 'token_expired')).to.equal(3);
    await expireAt(2_000);
    await directory.identify(key);
    later(2_000);
    expect(await looksFor(key, 'token_expired')).to.equal(3);
    later(0);
    await directory.identify(key);
    revoked.add(id);
    expect(await looksFor(key, 'token_revoked')).to.equal(3);
  });

  it('notes the use of a key once a minute, whatever is looked up meanwhile', async () => {
    await directory.identify(key);
    await directory.stop();
    expect(await noted()).to.be.within(began - 2_000, realNow() + 2_000);
    for (const ms of [5_100, 30_000, 50_000]) {
      later(ms);
      await directory.identify(key);
    }
    expect([looks(), notes()]).to.deep.equal([4, 1]);
    await usedAgo(70);
    later(56_000);
    await directory.identify(key);
    await until('the use is noted again', async () => ((await noted()) ?? 0) > realNow() - 5_000);
    expect(notes()).to.equal(2);
  });

  it('leaves to the process that came first what several would note', async () => {
    await usedAgo(56);
    const others = [open(), open()];
    for (const each of [directory, ...others]) await each.identify(key);
    expect(notes()).to.equal(0);
    const before = await noted();
    // Their copies, which are held for 5 s, say that it is time; the row says that somebody was faster.
    later(4_900);
    await usedAgo(3);
    for (const each of [directory, ...others]) await each.identify(key);
    for (const each of [directory, ...others]) await each.stop();
    expect(notes()).to.equal(3);
    expect(await noted())
      .to.be.above(before ?? 0)
      .and.below(realNow() - 2_000);
  });

  it('serves on when the use cannot be noted, and logs why without the key', async () => {
    let lines = '';
    const destination = {
      write(line: string) {
        lines += line;
      },
    };
    directory = open(createLogger({ level: 'trace', pretty: false, destination }));
    await rows(database().db, 'ALTER TABLE api_keys RENAME COLUMN last_used_at TO used');
    await rows(
      database().db,
      'ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz GENERATED ALWAYS AS (NULL) STORED',
    );
    try {
      expect(await directory.identify(key)).to.have.property('familyId', id);
      await directory.stop();
    } finally {
      await rows(database().db, 'ALTER TABLE api_keys DROP COLUMN last_used_at');
      await rows(database().db, 'ALTER TABLE api_keys RENAME COLUMN used TO last_used_at');
    }
    expect(lines).to.include('failed to note the use').and.include(id).and.not.include(key.slice(3));
  });
});
