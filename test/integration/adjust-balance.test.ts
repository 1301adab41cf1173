import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { userRoom } from '../../src/contracts/events.ts';
import { type Balance, type MovedBalance, movedBalanceSchema } from '../../src/contracts/routes/balance.ts';
import { rows } from '../../src/data/database.ts';
import { type CreditDoors, startCreditDoors } from '../support/credit-doors.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import type { RestClient } from '../support/rest-client.ts';

describe('an admin who moves a balance', () => {
  const database = useTestDatabase();
  let world: CreditDoors;
  let ann: RestClient;
  let userId: string;

  before(async () => {
    world = await startCreditDoors(database(), { WELCOME_CREDITS: '100' });
  });
  after(() => world.close());
  beforeEach(async () => {
    ann = (await world.signUp()).client;
    userId = ann.userId;
  });

  const put = (body: object, init?: RequestInit) => world.admin.send('PUT', '/v1/balance', body, init);
  const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });
  const told = () =>
    world.events.filter(({ room }) => room === userRoom(userId)).map(({ payload }) => payload);

  it('sets it exactly, whatever it was, and the difference is in the ledger', async () => {
    const answer = await put({ userId, balance: 0.3, reason: 'Corrected by hand' });
    const moved = movedBalanceSchema.strict().parse(await answer.json());
    expect(answer.status).to.equal(200);
    expect(moved).to.deep.include({ userId, balance: 0.3, held: 0, available: 0.3 });
    expect(moved.entry).to.deep.include({
      kind: 'adjustment',
      amount: -99.7,
      balanceAfter: 0.3,
      generationId: null,
      model: null,
      reason: 'Corrected by hand',
    });
    const [newest] = await world.statement(ann);
    expect(newest).to.deep.equal(moved.entry);
    const [stored] = await rows<object>(
      database().db,
      'SELECT created_by, reason FROM ledger_entries WHERE id = $1',
      [newest?.id],
    );
    expect(stored).to.deep.equal({ created_by: world.admin.userId, reason: 'Corrected by hand' });
  });

  it('adds and takes away, below zero too, to the sixth decimal, as numbers and as strings', async () => {
    const steps: [amount: number | string, balance: number][] = [
      [0.1, 100.1],
      ['0.2', 100.3],
      [-0.000001, 100.299999],
      ['-150.299999', -50],
      ['0.000001', -49.999999],
      [1e9, 999_999_950.000001],
      ['-999999950.000001', 0],
    ];
    for (const [amount, balance] of steps) {
      const moved = await world.put({ userId, amount });
      expect(moved.entry?.amount, String(amount)).to.equal(Number(amount));
      expect([moved.balance, moved.entry?.balanceAfter], String(amount)).to.deep.equal([balance, balance]);
      expect(await ann.get('/v1/balance')).to.deep.equal({ balance, held: 0, available: balance });
    }
  });

  it('takes what is held into account', async () => {
    await rows(database().db, 'UPDATE accounts SET held = 7.5 WHERE user_id = $1', [userId]);
    expect(await world.put({ userId, balance: '10.000' })).to.deep.include({
      balance: 10,
      held: 7.5,
      available: 2.5,
    });
    await rows(database().db, 'UPDATE accounts SET held = 0 WHERE user_id = $1', [userId]);
  });

  it('posts nothing, and tells nobody, where the balance is that already', async () => {
    const moved = await world.put({ userId, balance: 100 });
    expect(moved).to.deep.equal({ userId, balance: 100, held: 0, available: 100, entry: null });
    expect(await world.statement(ann)).to.have.length(1);
    expect(told()).to.deep.equal([]);
  });

  it("tells the user's devices, once", async () => {
    await world.put({ userId, amount: 1.5 }, 'told-once');
    await world.put({ userId, amount: 1.5 }, 'told-once');
    expect(told()).to.deep.equal([{ balance: 101.5, held: 0, available: 101.5 }]);
  });

  describe('with an Idempotency-Key', () => {
    it('credits once, however often and at once it is asked', async () => {
      const key = newId();
      const body = { userId, amount: 5, reason: 'Thanks' };
      const answers = await Promise.all(Array.from({ length: 10 }, () => put(body, keyed(key))));
      const later = await put({ ...body, amount: '5.00' }, keyed(key));
      const moved = await Promise.all(
        [...answers, later].map((each) => each.json() as Promise<MovedBalance>),
      );
      for (const each of moved) expect(each).to.deep.equal(moved[0]);
      expect(moved[0]).to.include({ balance: 105 });
      expect(await ann.get<Balance>('/v1/balance')).to.include({ balance: 105 });
    });

    it('answers as the first time, whatever happened in between', async () => {
      const first = await world.put({ userId, balance: 50 }, 'in-between');
      await world.put({ userId, amount: 1 });
      expect(await world.put({ userId, balance: 50 }, 'in-between')).to.deep.equal(first);
      expect(await ann.get<Balance>('/v1/balance')).to.include({ balance: 51 });
    });

    it('refuses another request with the same key, and a bad key', async () => {
      await world.put({ userId, amount: 5 }, 'taken');
      const other = await put({ userId, amount: 6, reason: 'a test' }, keyed('taken'));
      await expectProblem(other, 'idempotency_key_reused');
      const long = await put({ userId, amount: 6, reason: 'a test' }, keyed('x'.repeat(201)));
      await expectProblem(long, 'validation_failed', ['headers.idempotency-key']);
      expect(await ann.get<Balance>('/v1/balance')).to.include({ balance: 105 });
    });

    it('does not use the key up when it is refused', async () => {
      const nobody = await put({ userId: newId(), amount: 5, reason: 'a test' }, keyed('refused-first'));
      await expectProblem(nobody, 'not_found');
      expect(await world.put({ userId, amount: 5 }, 'refused-first')).to.include({ balance: 105 });
    });
  });

  describe('is refused, and nothing is written,', () => {
    afterEach(async () => {
      expect(await ann.get('/v1/balance')).to.deep.equal({ balance: 100, held: 0, available: 100 });
      expect(await world.statement(ann)).to.have.length(1);
      expect(told()).to.deep.equal([]);
    });

    const BAD: [what: string, json: string][] = [
      ['not finite', '1e999'],
      ['not finite', '-1e999'],
      ['not finite', '"Infinity"'],
      ['not a number', '"NaN"'],
      ['not a number', '"1,5"'],
      ['not a number', '""'],
      ['not a number', '" 1"'],
      ['not a number', '"1e3"'],
      ['not a number', '"0x10"'],
      ['not a number', '"+1"'],
      ['not a number', '"007"'],
      ['not a number', '".5"'],
      ['not a number', '"١"'],
      ['huge', '1000000000.000001'],
      ['huge', '"1000000000.000001"'],
      ['huge', '1e300'],
      ['huge', `"${'9'.repeat(90)}"`],
      ['huge', `"${'9'.repeat(5_000)}"`],
      ['too precise', '0.0000001'],
      ['too precise', '1e-300'],
      ['too precise', '1.1234567'],
      ['too precise', '"1.1234567"'],
      ['too precise', '0.30000000000000004'],
      ['of another type', 'true'],
      ['of another type', '[1]'],
      ['of another type', '{"$gt":1}'],
      ['of another type', 'null'],
    ];
    for (const field of ['balance', 'amount']) {
      for (const [what, json] of BAD) {
        it(`with a ${field} that is ${what}: ${json.slice(0, 30)}`, async () => {
          const answer = await fetch(`${world.app.url}/v1/balance`, {
            method: 'PUT',
            headers: { authorization: world.admin.authorization, 'content-type': 'application/json' },
            body: `{"userId":"${userId}","reason":"a test","${field}":${json}}`,
          });
          await expectProblem(answer, 'validation_failed', [`body.${field}`]);
        });
      }
    }

    it('with a balance below zero, an amount of nothing, and what makes no sense', async () => {
      const reason = 'a test';
      const refused: [body: unknown, ...fields: string[]][] = [
        [{ userId, reason, balance: -1 }, 'body.balance'],
        [{ userId, reason, balance: '-0.000001' }, 'body.balance'],
        [{ userId, reason, amount: 0 }, 'body.amount'],
        [{ userId, reason, amount: '-0.00' }, 'body.amount'],
        [{ userId, reason, amount: 1, balance: 1 }, 'body.amount'],
        [{ userId, reason }, 'body.amount'],
        [{ userId, amount: 1 }, 'body.reason'],
        [{ userId, amount: 1, reason: '' }, 'body.reason'],
        [{ userId, amount: 1, reason: '  ' }, 'body.reason'],
        [{ userId, amount: 1, reason: 'two\nlines' }, 'body.reason'],
        [{ userId, amount: 1, reason: 'x'.repeat(501) }, 'body.reason'],
        [{ amount: 1, reason }, 'body.userId'],
        [{ userId: 'ann', amount: 1, reason }, 'body.userId'],
        [{ userId, amount: 1, reason, kind: 'grant' }, 'body.kind'],
        [{ userId, amount: 'x', reason: '', other: 1 }, 'body.amount', 'body.reason', 'body.other'],
        [[], 'body'],
        [undefined, 'body'],
      ];
      for (const [body, ...fields] of refused) {
        const answer = await world.admin.send('PUT', '/v1/balance', body);
        await expectProblem(answer, 'validation_failed', fields);
      }
    });

    it('for nobody, and by others', async () => {
      const body = { userId: newId(), amount: 1, reason: 'a test' };
      const problem = await expectProblem(await put(body), 'not_found', ['body.userId']);
      expect(problem.detail).to.equal('There is no such user.');
      await ann.refused('forbidden', ['PUT', '/v1/balance', { userId, amount: 1, reason: 'a test' }]);
      await ann.refused('forbidden', ['PUT', '/v1/balance', { nonsense: 1 }]);
      const unknown = await fetch(`${world.app.url}/v1/balance`, { method: 'PUT' });
      await expectProblem(unknown, 'unauthenticated');
    });
  });

  it('cannot take a balance where it is not exact any more, but can always bring it back', async () => {
    const reason = 'a test';
    expect(await world.put({ userId, balance: 1e9 })).to.include({ balance: 1e9 });
    const over = await put({ userId, amount: 0.000001, reason });
    await expectProblem(over, 'validation_failed', ['body.amount']);
    expect(await world.put({ userId, amount: -1e9 })).to.include({ balance: 0 });
    expect(await world.put({ userId, amount: -1e9 })).to.include({ balance: -1e9 });
    const under = await put({ userId, amount: '-0.000001', reason });
    await expectProblem(under, 'validation_failed', ['body.amount']);
    await rows(database().db, 'UPDATE accounts SET balance = balance - 5 WHERE user_id = $1', [userId]);
    expect(await world.put({ userId, amount: 1 })).to.include({ balance: -1_000_000_004 });
  });
});
