import { expect } from 'chai';
import fc from 'fast-check';
import type { StreamEvent } from '../../src/contracts/events.ts';
import { type FrameOwner, Outbox, type Wire } from '../../src/realtime/outbox.ts';
import { RoomFrame } from '../../src/realtime/room-frame.ts';

/** A wire that is free again when it is told so. */
class SlowWire implements Wire {
  readonly frames: RoomFrame[] = [];
  #flushed: (() => void)[] = [];

  write(frame: RoomFrame, flushed: () => void): void {
    this.frames.push(frame);
    this.#flushed.push(flushed);
  }

  get busy(): boolean {
    return this.#flushed.length > 0;
  }

  /** Everything that was written has left. */
  flush(): void {
    for (const flushed of this.#flushed.splice(0)) flushed();
  }
}

class Owner implements FrameOwner {
  readonly lost: RoomFrame[] = [];
  drains = 0;
  dropped(frame: RoomFrame): void {
    this.lost.push(frame);
  }
  drained(): void {
    this.drains += 1;
  }
}

function open(maxBytes = 1_000_000) {
  const wire = new SlowWire();
  return { wire, outbox: new Outbox(wire, maxBytes), owner: new Owner() };
}

const delta = (messageId: string, offset: number, text: string, attempt = 1) =>
  new RoomFrame('message:stream', { sessionId: 's', messageId, attempt, offset, delta: text });
const thought = (messageId: string, offset: number, text: string, attempt = 1) =>
  new RoomFrame('message:stream', {
    sessionId: 's',
    messageId,
    attempt,
    channel: 'reasoning',
    offset,
    delta: text,
  });
const other = (messageId: string) => new RoomFrame('message:delete', { sessionId: 's', messageId });

/** `a0:xy` for a delta, `a0?xy` for one of reasoning, `a!` for anything else. */
const shown = (frames: RoomFrame[]): string[] =>
  frames.map((frame) => {
    if (!frame.is('message:stream')) return `${(frame.payload as { messageId: string }).messageId}!`;
    const { messageId, channel, offset, delta: text } = frame.payload;
    return `${messageId}${offset}${channel ? '?' : ':'}${text}`;
  });

describe('Outbox', () => {
  it('writes at once while the wire is free', () => {
    const { wire, outbox, owner } = open();
    outbox.send(delta('a', 0, 'x'), owner);
    expect(shown(wire.frames)).to.deep.equal(['a0:x']);
    wire.flush();
    outbox.send(delta('a', 1, 'y'), owner);
    expect(shown(wire.frames)).to.deep.equal(['a0:x', 'a1:y']);
  });

  it('merges the deltas of each message while the wire is busy', () => {
    const { wire, outbox, owner } = open();
    for (const [offset, text] of [...'hello'].entries()) {
      outbox.send(delta('a', offset, text), owner);
      outbox.send(delta('b', offset, text), owner);
    }
    wire.flush();
    expect(shown(wire.frames)).to.deep.equal(['a0:h', 'b0:hello', 'a1:ello']);
  });

  it('never merges a delta with one that stands before another frame', () => {
    const { wire, outbox, owner } = open();
    outbox.hold();
    for (const frame of [delta('a', 0, 'x'), other('b'), delta('a', 1, 'y')]) outbox.send(frame, owner);
    outbox.release();
    expect(shown(wire.frames)).to.deep.equal(['a0:x', 'b!', 'a1:y']);
  });

  it('never merges deltas that do not follow each other, or are of two attempts', () => {
    const { wire, outbox, owner } = open();
    outbox.hold();
    for (const frame of [delta('a', 0, 'x'), delta('a', 5, 'y'), delta('a', 6, 'z', 2)]) {
      outbox.send(frame, owner);
    }
    outbox.release();
    expect(shown(wire.frames)).to.deep.equal(['a0:x', 'a5:y', 'a6:z']);
  });

  it('merges reasoning with reasoning alone, and keeps the order of the two', () => {
    const { wire, outbox, owner } = open();
    outbox.hold();
    const frames = [
      ...[thought('a', 0, 'h'), thought('a', 1, 'm')],
      // Where the reasoning ends, a text could go on as well.
      ...[delta('a', 2, 'x'), delta('a', 3, 'y')],
      ...[thought('b', 0, 'o'), thought('a', 2, '.')],
    ];
    for (const frame of frames) outbox.send(frame, owner);
    outbox.release();
    expect(shown(wire.frames)).to.deep.equal(['a0?hm', 'a2:xy', 'b0?o', 'a2?.']);
    const [reasoning, text] = wire.frames.map(({ payload }) => payload);
    expect(reasoning).to.include({ channel: 'reasoning', attempt: 1 });
    expect(text).not.to.have.property('channel');
  });

  it('leaves the frames of other readers as they are when it merges', () => {
    const { outbox, owner } = open();
    const frames = [delta('a', 0, 'x'), delta('a', 1, 'y')];
    outbox.hold();
    for (const frame of frames) outbox.send(frame, owner);
    expect(frames.map(({ payload }) => payload.delta)).to.deep.equal(['x', 'y']);
  });

  it('holds everything back until it is released', async () => {
    const { wire, outbox, owner } = open();
    outbox.hold();
    outbox.send(other('a'), owner);
    // Nobody can wait for a wire that is not open yet.
    await outbox.idle();
    expect(wire.frames).to.have.length(0);
    outbox.release();
    expect(shown(wire.frames)).to.deep.equal(['a!']);
    wire.flush();
    await outbox.idle();
  });

  it('drops all that waits when it is too much, tells each owner, and again when the wire has drained', () => {
    const { wire, outbox } = open(1_000);
    const [one, two] = [new Owner(), new Owner()];
    outbox.send(other('first'), one);
    outbox.send(delta('a', 0, 'x'.repeat(300)), one);
    expect(outbox.overflowed).to.equal(false);
    outbox.send(delta('b', 0, 'y'.repeat(600)), two);
    expect(outbox.overflowed).to.equal(true);
    outbox.send(delta('a', 300, 'z'), one);
    expect(one.lost.map((frame) => (frame.payload as StreamEvent).offset)).to.deep.equal([0, 300]);
    expect(two.lost).to.have.length(1);
    expect([one.drains, two.drains]).to.deep.equal([0, 0]);
    wire.flush();
    expect([one.drains, two.drains, outbox.overflowed]).to.deep.equal([1, 1, false]);
    outbox.send(other('a'), one);
    expect(shown(wire.frames)).to.deep.equal(['first!', 'a!']);
  });

  it('counts bytes, not characters, and frames beside their text', () => {
    const bytes = open(1_000);
    bytes.outbox.hold();
    bytes.outbox.send(delta('a', 0, '€'.repeat(300)), bytes.owner);
    expect(bytes.outbox.overflowed).to.equal(true);

    const frames = open(1_000);
    frames.outbox.hold();
    for (let n = 0; n < 10; n += 1) frames.outbox.send(delta(`m${n}`, 0, 'x'), frames.owner);
    expect(frames.outbox.overflowed).to.equal(true);
  });

  it('sends what its owners send when they hear that it has drained', () => {
    const { wire, outbox } = open(1_000);
    const owner = new Owner();
    owner.drained = () => outbox.send(other('snapshot'), owner);
    outbox.hold();
    outbox.send(delta('a', 0, 'x'.repeat(2_000)), owner);
    outbox.release();
    expect(shown(wire.frames)).to.deep.equal(['snapshot!']);
  });

  it('lets nobody wait once it is closed', async () => {
    const { wire, outbox, owner } = open();
    outbox.send(delta('a', 0, 'x'), owner);
    const before = outbox.idle();
    outbox.close();
    await Promise.all([before, outbox.idle()]);
    outbox.send(delta('a', 1, 'y'), owner);
    wire.flush();
    expect(shown(wire.frames)).to.deep.equal(['a0:x']);
    expect(owner).to.deep.include({ lost: [], drains: 0 });
  });

  it('keeps every byte in order or tells that it was dropped, within its bound, whatever happens', () => {
    const [messages, maxBytes] = [['a', 'b', 'c'], 2_000];
    const send = fc.record({
      message: fc.nat(messages.length - 1),
      // 0: a frame that is no delta.
      length: fc.oneof({ weight: 4, arbitrary: fc.nat(60) }, fc.constantFrom(500, 2_500)),
    });
    const steps = fc.array(fc.oneof({ weight: 5, arbitrary: send }, fc.constant('flush' as const)), {
      maxLength: 120,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const wire = new SlowWire();
        const outbox = new Outbox(wire, maxBytes);
        const owners = messages.map(() => new Owner());
        const sent: string[] = [];
        const lengths = new Map<string, number>();
        let [free, overflows] = [true, 0];
        for (const step of all) {
          const overflowed = outbox.overflowed;
          if (step === 'flush') wire.flush();
          else {
            const id = messages[step.message] as string;
            const offset = lengths.get(id) ?? 0;
            const frame = step.length === 0 ? other(id) : delta(id, offset, 'x'.repeat(step.length));
            lengths.set(id, offset + step.length);
            sent.push(...units(frame));
            outbox.send(frame, owners[step.message] as Owner);
          }
          if (!overflowed && outbox.overflowed) overflows += 1;
          const accounted = wire.frames.concat(owners.flatMap(({ lost }) => lost)).flatMap(units).length;
          // What neither was written nor dropped waits, and may not be more than the bound.
          expect(sent.length - accounted).to.be.at.most(maxBytes);
          free = !wire.busy;
          if (free) expect(outbox.overflowed).to.equal(false);
        }
        for (let n = 0; wire.busy && n < all.length + 2; n += 1) wire.flush();
        expect(wire.busy).to.equal(false);

        const lost = new Set(owners.flatMap((owner) => owner.lost).flatMap(units));
        const written = wire.frames.flatMap(units);
        const kept = sent.filter((unit) => !lost.has(unit) || unit.endsWith('!'));
        if (lost.size === 0) {
          expect([...written].sort()).to.deep.equal([...sent].sort());
          expect(barriers(written)).to.deep.equal(barriers(sent));
        }
        for (const id of messages) {
          const of = (list: string[]) => list.filter((unit) => unit.startsWith(id) && !unit.endsWith('!'));
          expect(of(written)).to.deep.equal(of(kept));
        }
        const drains = owners.reduce((sum, owner) => sum + owner.drains, 0);
        expect(drains > 0).to.equal(overflows > 0);
        for (const owner of owners) expect(owner.drains > 0).to.equal(owner.lost.length > 0);
      }),
      { numRuns: 150 },
    );
  });
});

/** A delta as one unit per character, anything else as one. */
function units(frame: RoomFrame): string[] {
  if (!frame.is('message:stream')) return shown([frame]);
  const { messageId, offset, delta: text } = frame.payload;
  return Array.from(text, (_, index) => `${messageId}${offset + index}`);
}

/** What stands before each frame that is no delta, in no order: deltas of two messages may change places. */
function barriers(list: string[]): string[][] {
  return list.flatMap((unit, index) => (unit.endsWith('!') ? [[...list.slice(0, index)].sort()] : []));
}
