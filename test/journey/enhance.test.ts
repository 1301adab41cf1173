import { expect } from 'chai';
import type { Enhancement } from '../../src/contracts/enhancement.ts';
import { useSharedCluster } from '../support/cluster.ts';
import { askFor, EnhancementClient } from '../support/enhancement-client.ts';
import { expectInvariants } from '../support/invariants.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp } from '../support/test-user.ts';
import { words } from '../support/words.ts';

/** Runs for 10 seconds unless it is stopped. */
const LONG = words(4_000);

describeWithRedis('an enhancement over several processes', function () {
  this.timeout(30_000);
  const cluster = useSharedCluster();

  /** Asked at one web process, and followed there; some of it is written. */
  async function asked(text: string) {
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const user = await signUp(here);
    const { sessionId } = await askFor(user.at(here), { text, action: 'improve' });
    const stream = await new EnhancementClient(user.at(here)).open(sessionId);
    await stream.has(300);
    return { user, sessionId, stream, here, there };
  }

  it('is told from its start to whoever opens it late at another web process, and on to whoever moves there', async () => {
    const { user, sessionId, stream, there } = await asked(words(800));
    const late = await new EnhancementClient(user.at(there)).open(sessionId);
    await late.has(stream.text.length);
    await stream.open(sessionId, there);
    await Promise.all([late.end('done'), stream.end('done')]);
    expect(late.text).to.equal(words(800));
    expect(stream.text).to.equal(words(800));
    const { status, result } = await user.at(there).get<Enhancement>(`/ai/session/${sessionId}`);
    expect({ status, result }).to.deep.equal({ status: 'completed', result: words(800) });
    await expectInvariants(cluster().database);
  });

  it('is cancelled from the other web process, with what there is', async () => {
    const { user, sessionId, stream, here, there } = await asked(LONG);
    const other = await new EnhancementClient(user.at(there)).open(sessionId);
    await Promise.all([there, here].map((web) => user.at(web).delete(`/ai/session/${sessionId}`)));
    const [{ text, credits }] = await Promise.all([stream.end('cancelled'), other.end('cancelled')]);
    expect(LONG.startsWith(text)).to.equal(true);
    expect([stream.text, other.text]).to.deep.equal([text, text]);
    const read = await user.at(here).get<Enhancement>(`/ai/session/${sessionId}`);
    expect(read).to.deep.include({ status: 'cancelled', result: text, credits });
    await expectInvariants(cluster().database);
  });
});
