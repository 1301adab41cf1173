import { expect } from 'chai';
import type { Problem } from '../../src/contracts/errors.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

describe('the sockets and event streams of one user', () => {
  const database = useTestDatabase();
  const clients: { cut(): void }[] = [];
  let app: WebApp;
  let user: TestUser;
  let sessionId: string;

  before(async () => {
    app = await startWebApp(database(), { MAX_CONNECTIONS_PER_USER: '2' });
    user = await signUp(app);
    sessionId = (await user.at(app).newSession()).id;
  });
  after(async () => {
    for (const each of clients) each.cut();
    await app.close();
  });

  const socketOf = async (of: TestUser) => {
    const client = new ChatClient(of);
    clients.push(client);
    await client.connect(app);
    return client;
  };
  const refusedSocket = (of: TestUser) =>
    socketOf(of).then(
      () => undefined,
      ({ data }: { data: Problem }) => data.code,
    );
  const openStream = (query = '') => user.at(app).send('GET', `/sse/sessions/${sessionId}/stream${query}`);

  it('are bounded together; what ends makes room, and others have their own', async () => {
    const socket = await socketOf(user);
    const stream = new EventStreamClient(user);
    clients.push(stream);
    await stream.open(app, sessionId);
    expect(await refusedSocket(user)).to.equal('conflict');
    // Nothing is posted for a stream that is refused.
    await expectProblem(await openStream('?prompt=Hello'), 'conflict');
    expect((await user.at(app).get<{ data: object[] }>(`/messages/${sessionId}`)).data).to.be.empty;
    await socketOf(await signUp(app));

    socket.cut();
    await until('it is gone', async () => (await refusedSocket(user)) === undefined);
    expect(await refusedSocket(user)).to.equal('conflict');
    stream.cut();
    await until('it is gone, too', async () => (await refusedSocket(user)) === undefined);
    expect(await refusedSocket(user)).to.equal('conflict');
  });
});
