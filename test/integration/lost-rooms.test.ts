import { expect } from 'chai';
import { type RoomEventName, type RoomEvents, sessionRoom, userRoom } from '../../src/contracts/events.ts';
import { Outbox } from '../../src/realtime/outbox.ts';
import { RoomHub, type RoomSourceListener } from '../../src/realtime/room-hub.ts';
import { memoryRoomSource } from '../../src/realtime/room-sources.ts';
import { SessionReader } from '../../src/realtime/session-reader.ts';
import { UserReader } from '../../src/realtime/user-reader.ts';
import { createLiveMessages } from '../../src/services/live-messages.ts';
import { createUserRoomState } from '../../src/services/user-room.ts';
import { useTestDatabase } from '../support/database.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

/** An event that came, and what it is about. */
type Heard = [event: RoomEventName, payload: Record<string, unknown>];

describe('a web process that loses the connection of its rooms for a while', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let ann: Asker;
  let heard: Heard[];
  let listener: RoomSourceListener;
  /** Whether events reach the process. */
  let connected: boolean;
  let leave: () => void;

  beforeEach(async () => {
    pipeline = createPipeline(database());
    ann = await pipeline.asker();
    heard = [];
    connected = true;
    const source = memoryRoomSource(pipeline.feed);
    const hub = new RoomHub({
      ...source,
      listen: (given) => {
        listener = given;
        const event = <E extends RoomEventName>(room: string, name: E, payload: RoomEvents[E]) => {
          if (connected) given.event(room, name, payload);
        };
        source.listen({ ...given, event });
      },
    });
    const write = (frame: { event: RoomEventName; payload: unknown }, flushed: () => void) => {
      heard.push([frame.event, frame.payload as Record<string, unknown>]);
      flushed();
    };
    const outbox = new Outbox({ write }, 1_000_000);
    const onFailure = (error: unknown) => heard.push(['message:error', { failed: String(error) }]);
    const shared = { database: database(), inrPerUsd: 88 };
    const messages = createLiveMessages({ ...shared, live: pipeline.feed.live });
    const reader = new SessionReader({ sessionId: ann.sessionId, outbox, hub, messages, onFailure });
    const state = createUserRoomState(shared);
    const user = new UserReader({ userId: ann.userId, outbox, state, onFailure });
    await hub.join(userRoom(ann.userId), user);
    await reader.join();
    leave = () => {
      reader.leave();
      hub.leave(userRoom(ann.userId), user);
    };
  });
  afterEach(async () => {
    leave();
    await pipeline.close();
  });

  /** What comes once the connection is back, of all that happened meanwhile. */
  async function missing(happens: () => Promise<unknown>, last: RoomEventName): Promise<Heard[]> {
    connected = false;
    listener.lost();
    await happens();
    heard.length = 0;
    connected = true;
    listener.gap();
    await until(last, () => heard.some(([event]) => event === last));
    return heard;
  }

  const of = (events: Heard[], name: RoomEventName) =>
    events.filter(([event]) => event === name).map(([, payload]) => payload);

  it('tells its clients of the session as it is, and of messages that were deleted', async () => {
    const said = [1, 2].map((n) => pipeline.post(ann, { role: 'assistant', content: `${n}` }));
    const [gone, stays] = (await Promise.all(said)).map(({ message }) => message.id);
    await until('both', () => of(heard, 'message:new').length === 2);
    const events = await missing(async () => {
      await pipeline.sessions.update(ann.userId, ann.sessionId, { title: 'another' });
      await pipeline.messages.remove(ann.userId, gone ?? '');
    }, 'message:delete');
    expect(of(events, 'session:update').map(({ title }) => title)).to.deep.equal(['another']);
    expect(of(events, 'message:delete')).to.deep.equal([{ sessionId: ann.sessionId, messageId: gone }]);

    // Neither is told once more, not even when its event comes late.
    listener.event(sessionRoom(ann.sessionId), 'message:delete', {
      sessionId: ann.sessionId,
      messageId: gone ?? '',
    });
    const again = await missing(() => pipeline.messages.remove(ann.userId, stays ?? ''), 'message:delete');
    expect(of(again, 'message:delete')).to.deep.equal([{ sessionId: ann.sessionId, messageId: stays }]);
  });

  it('tells its clients that the session is gone', async () => {
    const events = await missing(() => pipeline.sessions.remove(ann.userId, ann.sessionId), 'session:delete');
    expect(of(events, 'session:delete')).to.deep.equal([{ sessionId: ann.sessionId }]);
    expect(of(events, 'session:update')).to.deep.equal([]);
  });

  it('tells its clients of the balance and of new sessions, each once', async () => {
    const open = (title: string) => pipeline.sessions.create(ann.userId, { title });
    await open('before');
    await until('it', () => of(heard, 'session:new').length === 1);
    const events = await missing(async () => {
      await open('meanwhile');
      await pipeline.post(ann, { content: 'Why?' });
    }, 'balance:update');
    // The one that was there before may be told of, too: it was opened in about the millisecond in which the reader was.
    const opened = of(events, 'session:new').filter(({ id }) => id !== ann.sessionId);
    expect(opened.map(({ title }) => title)).to.deep.equal(['meanwhile']);
    expect(of(events, 'balance:update')).to.have.length(1);
    expect(of(events, 'balance:update')[0]?.held).to.be.greaterThan(0);
  });
});
