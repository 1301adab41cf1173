import { expect } from 'chai';
import { Decimal } from 'decimal.js';
import { newId } from '../../src/base/ids.ts';
import { type LedgerEntry, ledgerEntrySchema } from '../../src/contracts/routes/ledger.ts';
import { rows } from '../../src/data/database.ts';
import { postEntry } from '../../src/data/repositories/ledger.ts';
import { BAD_CURSORS } from '../support/bad-cursors.ts';
import { type CreditDoors, startCreditDoors } from '../support/credit-doors.ts';
import { useTestDatabase } from '../support/database.ts';
import { random } from '../support/random.ts';

describe('a statement', () => {
  const database = useTestDatabase();
  let world: CreditDoors;

  before(async () => {
    world = await startCreditDoors(database(), { WELCOME_CREDITS: '0.333333' });
  });
  after(() => world.close());

  it('begins with the welcome, to the last decimal', async () => {
    const { client } = await world.signUp();
    expect(await client.get('/v1/balance')).to.deep.equal({
      balance: 0.333333,
      held: 0,
      available: 0.333333,
    });
    const [welcome, ...more] = await world.statement(client);
    expect(more).to.deep.equal([]);
    expect(ledgerEntrySchema.strict().parse(welcome)).to.deep.include({
      kind: 'grant',
      amount: 0.333333,
      balanceAfter: 0.333333,
      reason: 'welcome',
      generationId: null,
      model: null,
    });
  });

  it('lists what moved the balance, newest first, page by page, while more is posted', async () => {
    const { client } = await world.signUp();
    for (let step = 1; step <= 7; step++) await world.put({ userId: client.userId, amount: step });
    const before = await world.statement(client);
    expect(before.map(({ amount }) => amount)).to.deep.equal([7, 6, 5, 4, 3, 2, 1, 0.333333]);
    const paged = await client.all<LedgerEntry>('/user/ledger?limit=3', async () => {
      await world.put({ userId: client.userId, amount: 0.5 });
    });
    expect(paged).to.deep.equal(before);
  });

  it('is of its user alone, and of nobody without a token', async () => {
    const [ann, bob] = [(await world.signUp()).client, (await world.signUp()).client];
    await world.put({ userId: ann.userId, amount: 1 });
    const { nextCursor } = await ann.get<{ nextCursor: string }>('/user/ledger?limit=1');
    expect(await bob.get(`/user/ledger?cursor=${nextCursor}`)).to.deep.equal({ data: [], nextCursor: null });
    expect(await world.statement(bob)).to.have.length(1);
    expect((await fetch(`${world.app.url}/user/ledger`)).status).to.equal(401);
  });

  it('refuses what it cannot be asked', async () => {
    const { client } = await world.signUp();
    for (const cursor of BAD_CURSORS) {
      await client.refused('validation_failed', ['GET', `/user/ledger?cursor=${cursor}`], ['query.cursor']);
    }
    for (const limit of ['0', '101', '1.5', 'x']) {
      await client.refused('validation_failed', ['GET', `/user/ledger?limit=${limit}`], ['query.limit']);
    }
    await client.refused('validation_failed', ['GET', '/user/ledger?userId=x'], ['query.userId']);
  });

  const chance = random();
  it(`adds up, in the order in which it is shown, whatever is posted at once (seed ${chance.seed})`, async () => {
    const { client } = await world.signUp();
    const { userId } = client;
    const { db, transaction } = database();
    const amounts = Array.from({ length: 200 }, () => chance.between(-5_000_000, 5_000_000) || 1).map(
      (millionths) => new Decimal(millionths).div(1e6).toFixed(),
    );
    // Ids are made before the account is had, and here in the opposite order.
    const ids = amounts.map(() => newId()).reverse();
    const kinds = ['grant', 'charge', 'adjustment', 'refund'] as const;
    await Promise.all(
      amounts.map((amount, index) => {
        const kind = kinds[index % 4] ?? 'grant';
        const id = ids[index] ?? '';
        // Every other one through the door.
        if (index % 2 === 0) return world.put({ userId, amount });
        return transaction((inside) =>
          postEntry(inside, { id, userId, kind, amount, generationId: newId() }),
        );
      }),
    );

    const statement = (await world.statement(client, 7)).reverse();
    expect(statement).to.have.length(201);
    let sum = new Decimal(0);
    for (const { amount, balanceAfter } of statement) {
      sum = sum.plus(amount);
      expect(balanceAfter).to.equal(sum.toNumber());
    }
    expect(sum.toFixed()).to.equal(Decimal.sum('0.333333', ...amounts).toFixed());
    expect(await client.get('/v1/balance')).to.include({ balance: sum.toNumber() });
    const times = statement.map(({ createdAt }) => createdAt);
    expect(times).to.deep.equal([...times].sort());
    const [stored] = await rows<{ balance: string; sum: string }>(
      db,
      `SELECT balance, (SELECT sum(amount) FROM ledger_entries WHERE user_id = $1) AS sum FROM accounts WHERE user_id = $1`,
      [userId],
    );
    expect(stored?.balance).to.equal(stored?.sum);
    // Otherwise the order was that of the ids, and nothing was shown.
    const shownIds = statement.map(({ id }) => id);
    expect(shownIds).to.not.deep.equal([...shownIds].sort());
  });

  it('is set exactly in the middle of it', async () => {
    const { client } = await world.signUp();
    const { userId } = client;
    const { transaction } = database();
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        index % 6 === 0
          ? world.put({ userId, balance: 10 + index })
          : transaction((db) =>
              postEntry(db, { id: newId(), userId, kind: 'charge', amount: '-0.1', generationId: newId() }),
            ),
      ),
    );
    const statement = await world.statement(client);
    const set = statement.filter(({ kind }) => kind === 'adjustment').map(({ balanceAfter }) => balanceAfter);
    expect(set.sort((a, b) => a - b)).to.deep.equal([10, 16, 22, 28, 34, 40, 46, 52, 58, 64]);
    expect(await client.get('/v1/balance')).to.include({ balance: statement[0]?.balanceAfter });
  });
});
