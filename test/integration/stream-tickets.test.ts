import { expect } from 'chai';
import type { Scope } from '../../src/contracts/permissions.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import type { RestClient } from '../support/rest-client.ts';
import { makeKey, withToken } from '../support/test-keys.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { startWholeApp, type WholeApp } from '../support/whole-app.ts';

describe('a stream ticket', () => {
  const database = useTestDatabase();
  let app: WholeApp;
  let user: TestUser;
  /** What each scope opens. */
  let streams: Record<'chat' | 'text' | 'ai', string>;

  before(async () => {
    app = await startWholeApp(database(), { env: { DEFAULT_ROLE: 'premium', WELCOME_CREDITS: '1000' } });
    user = await signUp(app);
    const client = user.at(app);
    const { id } = await client.newSession();
    const asked = { text: 'Hello', action: 'improve' };
    const { sessionId } = await client.post<{ sessionId: string }>('/ai/enhance', asked);
    streams = {
      chat: `/sse/sessions/${id}/stream?`,
      text: '/v1/stream?model=echo&prompt=Hi',
      ai: `/ai/stream/${sessionId}?`,
    };
  });
  after(() => app.close());

  const SCOPES = ['chat', 'text', 'ai'] as const;
  const keyOf = async (scopes: Scope[]): Promise<RestClient> =>
    withToken(user, (await makeKey(app, user, { scopes })).key).at(app);
  const ticketOf = async (client: RestClient) =>
    (await client.post<{ ticket: string }>('/auth/stream-ticket')).ticket;
  const ask = (path: string, ticket: string, method = 'GET') =>
    fetch(`${app.url}${path}&ticket=${ticket}`, { method });

  for (const scope of SCOPES) {
    it(`of a key for \`${scope}\` opens what that key does, and no other stream`, async () => {
      const key = await keyOf([scope]);
      for (const other of SCOPES) {
        const answer = await ask(streams[other], await ticketOf(key));
        expect(answer.status, `${other}: ${streams[other]}`).to.equal(other === scope ? 200 : 403);
        await answer.body?.cancel();
      }
    });
  }

  it('is not for keys that open no stream; they are told which do', async () => {
    const key = await keyOf(['models', 'usage']);
    const { detail } = await expectProblem(await key.send('POST', '/auth/stream-ticket'), 'forbidden');
    expect(detail).to.include('`chat` or `text` or `ai`');
  });

  it('is neither used up nor tried out by a HEAD, which opens no stream', async () => {
    for (const scope of SCOPES) {
      const ticket = await ticketOf(user.at(app));
      for (const given of [ticket, 'x'.repeat(ticket.length)]) {
        expect((await ask(streams[scope], given, 'HEAD')).status, scope).to.equal(401);
      }
      const answer = await ask(streams[scope], ticket);
      expect(answer.status, scope).to.equal(200);
      await answer.body?.cancel();
      expect((await user.at(app).send('HEAD', streams[scope])).status, scope).to.equal(200);
    }
  });
});
