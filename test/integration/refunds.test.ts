import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { userRoom } from '../../src/contracts/events.ts';
import { type MovedBalance, movedBalanceSchema } from '../../src/contracts/routes/balance.ts';
import { rows } from '../../src/data/database.ts';
import { lockAccount } from '../../src/data/repositories/ledger.ts';
import { type CreditDoors, startCreditDoors } from '../support/credit-doors.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import type { RestClient } from '../support/rest-client.ts';
import { until } from '../support/until.ts';

describe('an admin who refunds a generation', () => {
  const database = useTestDatabase();
  let world: CreditDoors;
  let ann: RestClient;

  before(async () => {
    world = await startCreditDoors(database(), { WELCOME_CREDITS: '100' });
  });
  after(() => world.close());
  beforeEach(async () => {
    ann = (await world.signUp()).client;
  });

  const refund = (id: string, body?: object, key?: string) =>
    world.admin.send(
      'POST',
      `/admin/generations/${id}/refund`,
      body,
      key === undefined ? {} : { headers: { 'idempotency-key': key } },
    );
  const told = () =>
    world.events.filter(({ room }) => room === userRoom(ann.userId)).map(({ payload }) => payload);

  it('gives back exactly what it was charged, tells the user, and says so in the statement', async () => {
    const id = await world.charged(ann.userId, '0.100001');
    const answer = await refund(id, { reason: 'It was cut off' });
    expect(answer.status).to.equal(201);
    const moved = movedBalanceSchema.strict().parse(await answer.json());
    expect(moved).to.deep.include({ userId: ann.userId, balance: 100, held: 0, available: 100 });
    const statement = await world.statement(ann);
    expect(statement[0]).to.deep.equal(moved.entry);
    expect(
      statement.map(({ kind, amount, balanceAfter, generationId, model, reason }) => [
        ...[kind, amount, balanceAfter, generationId, model, reason],
      ]),
    ).to.deep.equal([
      ['refund', 0.100001, 100, id, 'openai/a', 'It was cut off'],
      ['charge', -0.100001, 99.899999, id, 'openai/a', null],
      ['grant', 100, 100, null, null, 'welcome'],
    ]);
    expect(told()).to.deep.equal([{ balance: 100, held: 0, available: 100 }]);
    const [stored] = await rows<object>(
      database().db,
      'SELECT created_by FROM ledger_entries WHERE generation_id = $1 AND kind = $2',
      [id, 'refund'],
    );
    expect(stored).to.deep.equal({ created_by: world.admin.userId });
  });

  it('does it once: the second is refused, and one that is repeated gets the first answer', async () => {
    const id = await world.charged(ann.userId, '3');
    const key = newId();
    const first = (await (await refund(id, undefined, key)).json()) as MovedBalance;
    expect(first).to.include({ balance: 100 });
    const problem = await expectProblem(await refund(id), 'conflict');
    expect(problem.detail).to.equal('This generation has been refunded already.');
    expect(await (await refund(id, undefined, key)).json()).to.deep.equal(first);
    await expectProblem(await refund(id, { reason: 'Another' }, key), 'idempotency_key_reused');
    expect(await ann.get('/v1/balance')).to.include({ balance: 100 });
    expect(told()).to.have.length(1);
  });

  it('does it once, though many ask at once', async () => {
    const id = await world.charged(ann.userId, '7.5');
    // All of them have begun, and wait for the account, before the first gets it. (Asked outside: a transaction sees its first
    // answer of this view again and again.)
    const asked = await database().transaction(async (db) => {
      await lockAccount(db, ann.userId);
      const refunds = Array.from({ length: 6 }, () => refund(id, {}));
      await until('all wait', async () => {
        const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
        return (await rows(database().db, sql)).length === refunds.length;
      });
      return { refunds };
    });
    const answers = await Promise.all(asked.refunds);
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([201, ...Array(5).fill(409)]);
    expect(await ann.get('/v1/balance')).to.include({ balance: 100 });
    expect((await world.statement(ann)).filter(({ kind }) => kind === 'refund')).to.have.length(1);
    expect(told()).to.have.length(1);
  });

  it('can do it when the generation is gone and the charge is not', async () => {
    const id = await world.charged(ann.userId, '2');
    await rows(database().db, 'DELETE FROM generations WHERE id = $1', [id]);
    expect((await refund(id)).status).to.equal(201);
    expect((await world.statement(ann))[0]).to.include({ kind: 'refund', amount: 2, model: null });
  });

  it('is refused where nothing was charged, where there is nothing, and to others', async () => {
    const free = await world.charged(ann.userId, '0');
    const problem = await expectProblem(await refund(free), 'conflict');
    expect(problem.detail).to.equal('This generation has not been charged, so there is nothing to refund.');
    await expectProblem(await refund(newId()), 'not_found');
    await expectProblem(await refund('x'), 'validation_failed', ['params.id']);
    const charged = await world.charged(ann.userId, '1');
    for (const body of [{ reason: '' }, { reason: 'a\nb' }, { reason: 7 }]) {
      await expectProblem(await refund(charged, body), 'validation_failed', ['body.reason']);
    }
    await expectProblem(await refund(charged, { amount: 5 }), 'validation_failed', ['body.amount']);
    await ann.refused('forbidden', ['POST', `/admin/generations/${charged}/refund`]);
    expect(await ann.get('/v1/balance')).to.include({ balance: 99 });
    expect(told()).to.deep.equal([]);
  });
});
