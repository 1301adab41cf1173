import { expect } from 'chai';
import { ChatClient } from '../support/chat-client.ts';
import { useSharedCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { describeWithRedis } from '../support/redis.ts';
import { makeKey, withToken } from '../support/test-keys.ts';
import { signUp } from '../support/test-user.ts';

describeWithRedis('an API key', function () {
  this.timeout(30_000);
  const cluster = useSharedCluster();

  it('chats through every process, and is refused by all of them at once when one revokes it', async () => {
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const owner = await signUp(here);
    const { id, key } = await makeKey(here, owner);
    const script = withToken(owner, key);
    const session = await script.at(there).newSession();
    const sockets = await Promise.all([here, there].map((web) => ChatClient.joined(script, web, session.id)));
    const owners = await ChatClient.joined(owner, there, session.id);
    const stream = new EventStreamClient(script);
    await stream.open(there, session.id);

    const { replies } = await script.at(there).say(session.id, 'Are you there?');
    const reply = replies[0]?.id ?? '';
    await Promise.all([...sockets, owners, stream].map((each) => each.done([reply])));
    expect(stream.transcript.copies.get(reply)?.text).to.equal('Are you there?');

    const since = performance.now();
    await owner.at(here).delete(`/user/api-keys/${id}`);
    await Promise.all(sockets.map((each) => each.until('the disconnect', () => each.lost !== undefined)));
    await stream.until('the end of the stream', () => stream.ended);
    expect(performance.now() - since).to.be.lessThan(2_000);
    expect(sockets.map(({ lost }) => lost)).to.deep.equal(['io server disconnect', 'io server disconnect']);
    for (const web of [here, there]) {
      await script.at(web).refused('token_revoked', ['GET', '/groups']);
      const refusal = await new ChatClient(script)
        .connect(web)
        .catch((error: { data: { code: string } }) => error);
      expect(refusal?.data.code).to.equal('token_revoked');
    }

    const { replies: later } = await owner.at(there).say(session.id, 'And you?');
    await owners.done([later[0]?.id ?? '']);
    owners.cut();
    expect(cluster().output).to.include(owner.id).and.not.include(key.slice(11));
  });
});
