import { expect } from 'chai';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import { createFollowReplies } from '../../src/realtime/follow-replies.ts';
import { RoomHub } from '../../src/realtime/room-hub.ts';
import { memoryRoomSource } from '../../src/realtime/room-sources.ts';
import { type ReplyEvent, waitForReplies } from '../../src/services/follow-replies.ts';
import { createLiveMessages } from '../../src/services/live-messages.ts';
import { useTestDatabase } from '../support/database.ts';
import { type Asker, createPipeline, type Pipeline, SCRIPTED } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const FINISH = { type: 'finish', reason: 'stop' } as const;
const text = (piece: string) => ({ type: 'text', text: piece }) as const;

/** What somebody who follows has got so far. */
class Follower {
  readonly events: ReplyEvent[] = [];
  readonly texts = new Map<string, string>();
  readonly faults: string[] = [];
  over = false;

  async read(events: AsyncIterable<ReplyEvent>): Promise<this> {
    for await (const event of events) this.take(event);
    this.over = true;
    return this;
  }

  take(event: ReplyEvent): void {
    this.events.push(event);
    if (event.type === 'restart') this.texts.delete(`${event.messageId}`);
    if (event.type !== 'delta' || event.channel) return;
    const before = this.texts.get(event.messageId) ?? '';
    if (event.offset !== before.length) this.faults.push(`has ${before.length}, then comes ${event.offset}`);
    this.texts.set(event.messageId, before + event.text);
  }

  typesOf(messageId: string): string[] {
    return this.events.flatMap((event) => {
      const id = event.type === 'end' ? event.message.id : event.messageId;
      return id === messageId ? [event.type] : [];
    });
  }
}

describe('following replies', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let asker: Asker;
  let follow: ReturnType<typeof createFollowReplies>;
  const never = new AbortController().signal;

  beforeEach(async () => {
    const feed = createMemoryFeed();
    pipeline = createPipeline(database(), undefined, feed);
    asker = await pipeline.asker();
    const hub = new RoomHub(memoryRoomSource(feed));
    const messages = createLiveMessages({ database: database(), live: feed.live, inrPerUsd: 88 });
    follow = createFollowReplies({ hub, messages, maxBufferBytes: 10_000 });
  });
  afterEach(() => pipeline.close());

  const following = (messageIds: string[], signal = never) => {
    const follower = new Follower();
    const read = follower.read(follow({ sessionId: asker.sessionId, messageIds, signal }));
    return { follower, read };
  };

  it('gives every delta once, and then the end with the whole message', async () => {
    const { messageId, generationId } = await pipeline.ask(asker);
    const { follower, read } = following([messageId]);
    const run = pipeline.worker().run(generationId);
    const stream = await pipeline.provider.begun(0);
    stream.push(text('Be'));
    await until('the first delta', () => follower.texts.get(messageId) === 'Be');
    stream.push(text('cause.'), FINISH);
    await run;
    await read;
    expect(follower.faults).to.deep.equal([]);
    expect(follower.texts.get(messageId)).to.equal('Because.');
    const last = follower.events.at(-1);
    expect(last).to.have.nested.include({ type: 'end', 'message.content': 'Because.' });
    expect(last).to.have.nested.include({ 'message.status': 'completed' });
  });

  it('begins at the beginning, however late: in the middle of the text, and after its end', async () => {
    const { messageId, generationId } = await pipeline.ask(asker);
    const run = pipeline.worker().run(generationId);
    const stream = await pipeline.provider.begun(0);
    stream.push(text('First. '));
    await until('it is published', () => pipeline.events.some(({ event }) => event === 'message:stream'));
    const late = following([messageId]);
    await until('the first half', () => late.follower.texts.get(messageId) === 'First. ');
    stream.push(text('Second.'), FINISH);
    await run;
    await late.read;
    const after = following([messageId]);
    await after.read;
    for (const { follower } of [late, after]) {
      expect(follower.faults).to.deep.equal([]);
      expect(follower.texts.get(messageId)).to.equal('First. Second.');
      expect(follower.typesOf(messageId).at(-1)).to.equal('end');
    }
  });

  it('tells of a restart before the text of another attempt', async () => {
    const { messageId, generationId } = await pipeline.ask(asker);
    const { follower, read } = following([messageId]);
    const leaving = pipeline.worker();
    const first = leaving.run(generationId);
    (await pipeline.provider.begun(0)).push(text('Half of'));
    await until('the first delta', () => follower.texts.get(messageId) === 'Half of');
    await leaving.running.drain(0);
    await first;
    const second = pipeline.worker().run(generationId);
    (await pipeline.provider.begun(1)).push(text('All of it.'), FINISH);
    await second;
    await read;
    expect(follower.faults).to.deep.equal([]);
    expect(follower.texts.get(messageId)).to.equal('All of it.');
    expect(follower.typesOf(messageId)).to.deep.equal(['delta', 'restart', 'delta', 'end']);
  });

  it('follows several, each to its own end', async () => {
    const { replies } = await pipeline.post(asker, {
      content: 'Why?',
      models: [SCRIPTED, SCRIPTED],
    });
    const ids = replies.map(({ id }) => id);
    const { follower, read } = following(ids);
    const [one, other] = ids as [string, string];
    const run = pipeline.worker().run((await pipeline.stored(one)).id);
    (await pipeline.provider.begun(0)).push(text('One.'), FINISH);
    await run;
    await until('one has ended', () => follower.typesOf(one).at(-1) === 'end');
    expect(follower.over).to.equal(false);
    await pipeline.stopMessage(asker.userId, other);
    await read;
    expect(follower.typesOf(other)).to.deep.equal(['end']);
  });

  it('ends without an event for whoever leaves, and tells of what was deleted', async () => {
    const { messageId } = await pipeline.ask(asker);
    const left = new AbortController();
    const leaving = following([messageId], left.signal);
    left.abort();
    await leaving.read;
    expect(leaving.follower.events).to.deep.equal([]);

    const staying = following([messageId]);
    await pipeline.messages.remove(asker.userId, messageId);
    await staying.read;
    expect(staying.follower.typesOf(messageId).at(-1)).to.be.oneOf(['gone', 'end']);
  });

  it('tells of what was deleted before anybody followed, beside what is there', async () => {
    const [gone, there] = [await pipeline.ask(asker), await pipeline.ask(asker)];
    await pipeline.messages.remove(asker.userId, gone.messageId);
    const { follower, read } = following([gone.messageId, there.messageId]);
    await until('the deleted one', () => follower.typesOf(gone.messageId).at(-1) === 'gone');
    expect(follower.over).to.equal(false);
    await pipeline.stopMessage(asker.userId, there.messageId);
    await read;
    expect(follower.typesOf(there.messageId)).to.deep.equal(['end']);
  });

  it('tells of those that go with their session', async () => {
    const { messageId, generationId } = await pipeline.ask(asker);
    const { follower, read } = following([messageId]);
    const run = pipeline.worker().run(generationId);
    (await pipeline.provider.begun(0)).push(text('Half'));
    await until('the first delta', () => follower.texts.get(messageId) === 'Half');
    await pipeline.sessions.remove(asker.userId, asker.sessionId);
    await read;
    await run;
    // Its worker may have been quick enough to end it before it was deleted.
    expect(follower.typesOf(messageId).at(-1)).to.be.oneOf(['gone', 'end']);
  });

  it('keeps little for a reader that is slow, and still gives it all of the text', async () => {
    const { messageId, generationId } = await pipeline.ask(asker);
    const follower = new Follower();
    const events = follow({ sessionId: asker.sessionId, messageIds: [messageId], signal: never });
    const iterator = events[Symbol.asyncIterator]();
    const run = pipeline.worker().run(generationId);
    const stream = await pipeline.provider.begun(0);
    stream.push(text('begin '));
    const first = await iterator.next();
    if (!first.done) follower.take(first.value);
    const pieces = Array.from({ length: 200 }, (_, index) => `${'x'.repeat(500)} ${index} `);
    stream.push(...pieces.map(text), FINISH);
    await run;
    for (let next = await iterator.next(); !next.done; next = await iterator.next())
      follower.take(next.value);
    expect(follower.faults).to.deep.equal([]);
    expect(follower.texts.get(messageId)).to.equal(`begin ${pieces.join('')}`);
    expect(follower.events.length).to.be.below(50);
  });

  it('waits for all of them', async () => {
    const { messageId, generationId } = await pipeline.ask(asker);
    const waiting = waitForReplies(follow, {
      sessionId: asker.sessionId,
      messageIds: [messageId],
      signal: never,
    });
    const run = pipeline.worker().run(generationId);
    (await pipeline.provider.begun(0)).push(text('Done.'), FINISH);
    await run;
    expect((await waiting).map(({ content }) => content)).to.deep.equal(['Done.']);
  });
});
