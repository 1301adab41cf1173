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
    const open = 'INSERT INTO accounts (user_id, balance, held) VALUES ($1, 0.3, 0.1)';
    await rows(database().db, open, [ann.userId]);
    for (const path of ['/v1/balance', '/api/v1/balance']) {
      expect(await ann.get(path)).to.deep.equal({ balance: 0.3, held: 0.1, available: 0.2 });
      expect(await bob.get(path)).to.deep.equal({ balance: 0, held: 0, available: 0 });
    }
  });

  it('may be below zero', async () => {
    const ann = await app.signUp();
    await rows(database().db, 'INSERT INTO accounts (user_id, balance) VALUES ($1, -1.5)', [ann.userId]);
    expect(await ann.get('/v1/balance')).to.deep.equal({ balance: -1.5, held: 0, available: -1.5 });
  });
});
