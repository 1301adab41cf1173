import { expect } from 'chai';
import type { Model } from '../../src/contracts/model.ts';
import type { ModelSync } from '../../src/contracts/routes/models.ts';
import { ChatClient } from '../support/chat-client.ts';
import { type Cluster, useCluster } from '../support/cluster.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';

const BOSS = 'boss@example.com';

describeWithRedis('the catalogue of several processes', function () {
  this.timeout(40_000);
  const cluster = useCluster({ webs: 2, workers: 1, env: { ADMIN_EMAIL: BOSS } });
  let boss: TestUser;

  before(async () => {
    boss = await signUp(cluster().web(0), BOSS.toUpperCase());
  });

  it('has what a sync added at once, in every web process and in the worker', async () => {
    const [here, there] = [cluster().web(0), cluster().web(1)];
    lists(cluster(), 'gpt-4.1', 'brand-new');
    const { providers } = await boss.at(here).post<ModelSync>('/models/sync');
    expect(providers).to.have.length(1);
    expect(providers[0]).to.deep.include({ provider: 'openai', status: 'synced', listed: 2, added: 1 });

    await until('the other web process knows it', async () => {
      const answer = await boss.at(there).send('POST', '/sessions', { model: 'brand-new' });
      return answer.status === 201;
    });
    const session = await boss.at(there).newSession({ model: 'brand-new' });
    const client = await ChatClient.joined(boss, there, session.id);
    cluster().provider.answer({ steps: [openAiWire.begin, openAiWire.text('Here I am.'), openAiWire.end()] });
    const { replies } = await boss.at(there).say(session.id, 'Are you new?');
    const reply = replies[0]?.id ?? '';
    await client.done([reply]);
    expect(client.transcript.text(reply)).to.equal('Here I am.');
    client.cut();
    await boss
      .at(there)
      .refused('model_not_available', ['POST', '/sessions', { model: 'openai/gpt-4o' }], ['body.model']);
  });

  it('is synced by a worker that starts, when the last sync is too old', async () => {
    await cluster().database.db.query('UPDATE catalogue_state SET synced_at = NULL');
    lists(cluster(), 'gpt-4.1', 'newer-still');
    await cluster().addWorker({ MODEL_SYNC_HOURS: '24' });
    await until(
      'the web process has it',
      async () => (await boss.at(cluster().web(0)).send('GET', '/models/openai/newer-still')).ok,
      20_000,
    );
    expect(await boss.at(cluster().web(0)).get<Model>('/models/openai/brand-new')).to.include({
      available: false,
    });
  });
});

/** Has the provider list these models when it is asked next. */
function lists({ provider }: Cluster, ...names: string[]): void {
  const data = names.map((id) => ({ id, object: 'model', created: 1, owned_by: 'somebody' }));
  provider.answer({
    headers: { 'content-type': 'application/json' },
    steps: [JSON.stringify({ object: 'list', data })],
  });
}
