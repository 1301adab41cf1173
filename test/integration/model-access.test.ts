import { expect } from 'chai';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import type { RestClient } from '../support/rest-client.ts';
import { signUp } from '../support/test-user.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

const PAID = 'openai/gpt-4.1';
const FREE = 'echo';

describe('a paid model', () => {
  const database = useTestDatabase();
  let app: WebApp;
  let free: RestClient;
  let premium: RestClient;
  let admin: RestClient;

  const setRole = (userId: string, role: string) =>
    rows(database().db, 'UPDATE users SET role = $2 WHERE id = $1', [userId, role]);

  before(async () => {
    app = await startWebApp(database(), {
      OPENAI_API_KEY: 'nobody calls it',
      ADMIN_EMAIL: 'boss@example.com',
      RATE_LIMITS: 'off',
      MAX_CONCURRENT_GENERATIONS: '1000',
    });
    admin = (await signUp(app, 'boss@example.com')).at(app);
    free = (await signUp(app)).at(app);
    premium = (await signUp(app)).at(app);
    await setRole(premium.userId, 'premium');
  });
  after(() => app.close());

  it('is refused to a user, wherever it is named: nothing is stored', async () => {
    const session = await free.newSession({ model: FREE });
    const refused = (request: [string, string, object], paths: string[]) =>
      free.refused('forbidden', request, paths);
    const problem = await refused(['POST', '/sessions', { model: PAID }], ['body.model']);
    expect(problem.detail).to.match(/"openai\/gpt-4\.1".*`models\.paid`.*"user".*GET \/models\?tier=free/);
    await refused(['POST', '/sessions', { model: 'gpt-4.1' }], ['body.model']);
    await refused(['PATCH', `/sessions/${session.id}`, { model: PAID }], ['body.model']);
    const asked = { sessionId: session.id, content: 'Why?' };
    await refused(['POST', '/messages', { ...asked, model: PAID }], ['body.model']);
    const several = { ...asked, models: [FREE, PAID, 'openai/gpt-4'] };
    await refused(['POST', '/messages', several], ['body.models.1', 'body.models.2']);
    const { replies } = await free.say(session.id, 'Why?');
    const [reply] = replies;
    await refused(['POST', `/messages/${reply?.id}/regenerate`, { model: PAID }], ['body.model']);
    const stored = await rows<{ model: string }>(
      database().db,
      'SELECT model FROM generations WHERE user_id = $1',
      [free.userId],
    );
    expect(stored).to.deep.equal([{ model: FREE }]);
  });

  it('is had by premium users and admins', async () => {
    for (const client of [premium, admin]) {
      const session = await client.newSession({ model: PAID });
      await client.patch(`/sessions/${session.id}`, { model: 'openai/gpt-4' });
      const { replies } = await client.post<SendMessageAnswer>('/messages', {
        sessionId: session.id,
        content: 'Why?',
        models: [FREE, PAID],
      });
      expect(replies.map(({ model }) => model)).to.deep.equal([FREE, PAID]);
    }
  });

  it('of a session is refused after its owner lost the permission, and the session can be given another', async () => {
    const client = (await signUp(app)).at(app);
    await setRole(client.userId, 'premium');
    const session = await client.newSession({ model: PAID });
    const { replies } = await client.say(session.id, 'Why?');
    await admin.patch(`/admin/users/${client.userId}`, { role: 'user' });
    await client.refused(
      'forbidden',
      ['POST', '/messages', { sessionId: session.id, content: 'And?' }],
      ['body.model'],
    );
    await client.refused('forbidden', ['POST', `/messages/${replies[0]?.id}/regenerate`, {}], ['body.model']);
    expect(await client.get(`/sessions/${session.id}`)).to.be.an('object');
    await client.patch(`/sessions/${session.id}`, { title: 'Kept' });
    await client.patch(`/sessions/${session.id}`, { model: FREE });
    await client.say(session.id, 'And?');
  });

  it('is the default of those who reach it; others get a free one', async () => {
    expect((await premium.newSession()).model).to.equal('openai/gpt-5.4-mini');
    expect((await free.newSession()).model).to.equal(FREE);
  });

  it('answers a repeated request as the first time, also after the permission is gone', async () => {
    const client = (await signUp(app)).at(app);
    await setRole(client.userId, 'premium');
    const session = await client.newSession({ model: PAID });
    const body = { sessionId: session.id, content: 'Why?', clientMessageId: 'once' };
    const first = await client.post('/messages', body);
    await admin.patch(`/admin/users/${client.userId}`, { role: 'user' });
    expect(await client.post('/messages', body)).to.deep.equal(first);
  });
});
