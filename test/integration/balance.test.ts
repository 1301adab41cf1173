import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import { type RestApp, startRestApp } from '../support/rest-app.ts';

describe('the balance', () => {
  const database = useTestDatabase();
  let app: RestApp;

  before(async () => {
    app = await startRestApp(database());
  });
  after(() => app.close());

  it("is the user's own, exact, with and without /api", async () => {
    const [ann, bob] = [await app.signUp(), await app.signUp()];
    const open = 'UPDATE accounts SET balance = 0.3, held = 0.1 WHERE user_id = $1 RETURNING 1';
    await rows(database().db, open, [ann.userId]);
    for (const path of ['/v1/balance', '/api/v1/balance']) {
      expect(await ann.get(path)).to.deep.equal({ balance: 0.3, held: 0.1, available: 0.2 });
      expect(await bob.get(path)).to.deep.equal({ balance: 1_000_000, held: 0, available: 1_000_000 });
    }
  });

  it('may be below zero', async () => {
    const ann = await app.signUp();
    await rows(database().db, 'UPDATE accounts SET balance = -1.5 WHERE user_id = $1 RETURNING 1', [
      ann.userId,
    ]);
    expect(await ann.get('/v1/balance')).to.deep.equal({ balance: -1.5, held: 0, available: -1.5 });
  });
});
