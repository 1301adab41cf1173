import { expect } from 'chai';
import type { Db } from '../../src/data/database.ts';
import { Outbox } from '../../src/realtime/outbox.ts';
import type { RoomFrame } from '../../src/realtime/room-frame.ts';
import { RoomHub } from '../../src/realtime/room-hub.ts';
import { SessionReader } from '../../src/realtime/session-reader.ts';
import { createLiveMessages } from '../../src/services/live-messages.ts';
import { useTestDatabase } from '../support/database.ts';
import { createPipeline } from '../support/pipeline.ts';
import { recordedRooms } from '../support/recorded-rooms.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { until } from '../support/until.ts';

const MAX_BUFFER_BYTES = 1_000_000;

describe('catching up on a long session', () => {
  const database = useTestDatabase();

  it('reads no more than about what an outbox holds, and tells all of it in order as the client reads', async () => {
    const pipeline = createPipeline(database());
    const { userId, sessionId } = await pipeline.asker();
    const content = 'x'.repeat(100_000);
    const ids = await seedMessages(database().db, { userId, sessionId, count: 60, content });

    let readBytes = 0;
    const query = async (...asked: Parameters<Db['query']>) => {
      const found = await database().db.query(...asked);
      readBytes += JSON.stringify(found).length;
      return found;
    };
    const db = new Proxy(database().db, {
      get: (target, name) => (name === 'query' ? query : Reflect.get(target, name, target)),
    });
    const told: string[] = [];
    let reads: (() => void) | undefined;
    const write = (frame: RoomFrame, flushed: () => void) => {
      told.push((frame.payload as { id: string }).id);
      reads = flushed;
    };
    const reader = new SessionReader({
      sessionId,
      outbox: new Outbox({ write }, MAX_BUFFER_BYTES),
      hub: new RoomHub(recordedRooms().source),
      messages: createLiveMessages({
        database: { ...database(), db },
        live: pipeline.feed.live,
        inrPerUsd: 88,
      }),
      onFailure: (error) => expect.fail(String(error)),
    });
    // It has nothing of the first 30, and was never told of the others.
    const have = ids.slice(0, 30).map((messageId) => ({ messageId, attempt: 0, offset: 0 }));
    const joined = reader.join(have);
    await until('it waits for its client', () => reads !== undefined);
    expect(readBytes).to.be.below(2 * MAX_BUFFER_BYTES);

    await until('all of it is told', () => {
      reads?.();
      return told.length >= ids.length;
    });
    await joined;
    expect(told).to.deep.equal(ids);
    reader.leave();
    await pipeline.close();
  });
});
