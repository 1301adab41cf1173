import v8 from 'node:v8';
import vm from 'node:vm';
import { expect } from 'chai';
import fc from 'fast-check';
import { newId } from '../../src/base/ids.ts';
import { type RoomEventName, type StreamEvent, sessionRoom, userRoom } from '../../src/contracts/events.ts';
import { encodeBroadcast, roomChannel } from '../../src/feed/broadcast.ts';
import { BroadcastReader, type ReceivedEvent } from '../../src/feed/broadcast-reader.ts';

const SESSIONS = [newId(), newId()];
const MESSAGES = [newId(), newId(), newId()];

interface Sent {
  room: string;
  event: RoomEventName;
  payload: object;
}

/** What a reader makes of some events, one after the other. */
function readAll(reader: BroadcastReader, sent: Sent[]): (ReceivedEvent | undefined)[] {
  return sent.map(({ room, event, payload }) => {
    const broadcast = encodeBroadcast(room, event, JSON.stringify(payload));
    return reader.read(Buffer.from(roomChannel(room)), Buffer.from(broadcast));
  });
}

const asReceived = ({ room, event, payload }: Sent) => ({
  room,
  event,
  payload,
  json: JSON.stringify(payload),
});

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', '\n', 'é', '😀', '","offset":5,"delta":"', '"}]}}}', '","x":"'),
);

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

/** Bytes of all buffers that somebody still has. */
function heldBytes(): number {
  // What one collection finds is freed beside the program, and has been by the next.
  for (let n = 0; n < 2; n += 1) collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

describe('BroadcastReader', () => {
  it('reads every event as it was sent, whatever came before', () => {
    const delta = fc.record({
      sessionId: fc.constantFrom(...SESSIONS),
      messageId: fc.constantFrom(...MESSAGES),
      attempt: fc.integer({ min: 1, max: 12 }),
      offset: fc.nat(),
      delta: text,
    });
    const reasoning = delta.map(({ offset, delta, ...of }) => ({
      ...of,
      channel: 'reasoning',
      offset,
      delta,
    }));
    // None of ours is made like this, and it has to be read all the same.
    const strange = fc.oneof(
      delta.map(({ delta, offset, ...of }) => ({ delta, offset, ...of })),
      delta.map((event) => ({ ...event, more: event.delta })),
      delta.map((event) => ({ ...event, offset: event.offset + 0.5 })),
      delta.map((event) => ({ ...event, messageId: event.delta })),
      fc.dictionary(text, fc.jsonValue()),
    );
    const events = fc.record({
      room: fc.constantFrom(...SESSIONS.map(sessionRoom), userRoom(SESSIONS[0] ?? '')),
      event: fc.constantFrom<RoomEventName>('message:stream', 'message:stream', 'message:update'),
      payload: fc.oneof({ weight: 4, arbitrary: fc.oneof(delta, reasoning) }, strange),
    });
    fc.assert(
      fc.property(fc.array(events, { maxLength: 30 }), (sent) => {
        // JSON has no lone surrogates in UTF-8, nor a prototype as a key; what is sent has neither.
        const clean = JSON.parse(Buffer.from(JSON.stringify(sent)).toString()) as Sent[];
        expect(readAll(new BroadcastReader(), clean)).to.deep.equal(clean.map(asReceived));
      }),
      { numRuns: 500 },
    );
  });

  it('reads more replies at once in one room than it keeps in mind', () => {
    const room = sessionRoom(SESSIONS[0] ?? '');
    const replies = Array.from({ length: 40 }, newId);
    const sent = [0, 5, 10].flatMap((offset) =>
      replies.map((messageId) => {
        const payload: StreamEvent = {
          sessionId: SESSIONS[0] ?? '',
          messageId,
          attempt: 1,
          offset,
          delta: 'five ',
        };
        return { room, event: 'message:stream' as const, payload };
      }),
    );
    expect(readAll(new BroadcastReader(), sent)).to.deep.equal(sent.map(asReceived));
  });

  it('reads on in a room of which it keeps nothing any more', () => {
    const reader = new BroadcastReader();
    const deltaIn = (sessionId: string): Sent => ({
      room: sessionRoom(sessionId),
      event: 'message:stream',
      payload: { sessionId, messageId: MESSAGES[0], attempt: 1, offset: 3, delta: 'x' },
    });
    const first = deltaIn(newId());
    const others = Array.from({ length: 10_010 }, () => deltaIn(newId()));
    const sent = [first, ...others, first, first];
    expect(readAll(reader, sent)).to.deep.equal(sent.map(asReceived));
  });

  it('keeps no more of a reply than how it begins, and nothing of a room that was left', () => {
    const reader = new BroadcastReader();
    const rooms = Array.from({ length: 1_000 }, newId);
    const before = heldBytes();
    for (const sessionId of rooms) {
      const payload = { sessionId, messageId: newId(), attempt: 1, offset: 0, delta: 'one word' };
      // Deltas come in small buffers, and go out in them.
      readAll(
        reader,
        Array.from({ length: 20 }, () => ({
          room: sessionRoom(sessionId),
          event: 'message:stream',
          payload,
        })),
      );
    }
    const kept = heldBytes() - before;
    for (const sessionId of rooms) reader.forget(roomChannel(sessionRoom(sessionId)));
    expect(kept).to.be.within(100_000, 1_000_000);
    expect(heldBytes() - before).to.be.below(kept / 10);
  });

  it('leaves alone what others say', () => {
    const reader = new BroadcastReader();
    for (const other of ['', '{}', '{"uid":"abc","nsp":"/chat","type":3,"data":{"opts":{"rooms":["r"]}}}']) {
      expect(reader.read(Buffer.from('c'), Buffer.from(other))).to.equal(undefined);
    }
  });
});
