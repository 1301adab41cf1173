import { expect } from 'chai';
import { loadConfig } from '../../src/base/config.ts';
import { Lifecycle } from '../../src/base/lifecycle.ts';
import { openResources } from '../../src/resources.ts';
import { useTestDatabase } from '../support/database.ts';
import { silentLog } from '../support/global.ts';
import { freePort } from '../support/redis.ts';

describe('a process that cannot open what it stands on', () => {
  const database = useTestDatabase();

  /** Why it cannot start. */
  async function refusal(databaseUrl: string, redisUrl: string): Promise<string> {
    const lifecycle = new Lifecycle(silentLog);
    const config = loadConfig({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl });
    try {
      await openResources({ config, log: silentLog, lifecycle, onFatal: () => {}, databaseUrl });
      return 'it can';
    } catch (error) {
      return (error as Error).message;
    } finally {
      await lifecycle.close();
    }
  }

  it('names the variable, and says what happened, but no password', async () => {
    const port = await freePort();
    const noDatabase = await refusal(`postgres://me:secret@127.0.0.1:${port}/x`, 'redis://127.0.0.1:1');
    expect(noDatabase).to.equal(`DATABASE_URL: cannot be used (connect ECONNREFUSED 127.0.0.1:${port}).`);
    const noRedis = await refusal(database().url, `redis://me:secret@127.0.0.1:${port}`);
    expect(noRedis).to.equal(`REDIS_URL: cannot be used (connect ECONNREFUSED 127.0.0.1:${port}).`);
  });
});
