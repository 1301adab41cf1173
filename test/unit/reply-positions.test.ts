import { expect } from 'chai';
import fc from 'fast-check';
import { eventIdSchema } from '../../src/contracts/event-id.ts';
import type { Message } from '../../src/contracts/message.ts';
import type { ReplyEvent } from '../../src/services/follow-replies.ts';
import { ReplyPositions } from '../../src/services/reply-positions.ts';
import { fromTheStart } from '../../src/services/resume-replies.ts';

const ID = '019aa000-0000-7000-8000-000000000000';
const OTHER = '019aa000-0000-7000-8000-000000000001';

const delta = (offset: number, text: string, attempt = 1, channel?: 'reasoning'): ReplyEvent => ({
  type: 'delta',
  messageId: ID,
  attempt,
  offset,
  text,
  ...(channel && { channel }),
});
const restart = (attempt: number): ReplyEvent => ({ type: 'restart', messageId: ID, attempt });
const end = (content: string, attempt = 1, reasoning: string | null = null): ReplyEvent => ({
  type: 'end',
  message: { id: ID, content, attempt, reasoning } as Message,
});

/** What a client gets of events. */
const taken = (positions: ReplyPositions, ...events: ReplyEvent[]) =>
  events.flatMap((event) => [...positions.take(event)]);

describe('how much a client has of replies', () => {
  const at = (offset: number, attempt = 1) => new ReplyPositions([{ messageId: ID, attempt, offset }]);

  it('leaves out what it has, and cuts what it has in part', () => {
    const positions = at(4);
    expect(taken(positions, delta(0, 'One'), delta(3, ' two'), delta(7, '.'))).to.deep.equal([
      { ...delta(4, 'two') },
      delta(7, '.'),
    ]);
    expect(positions.id).to.equal(`${ID}:1:8`);
  });

  it('voids what it has of another attempt, before the first of the new one', () => {
    const got = taken(at(4), delta(0, 'Else', 2), end('Else', 2));
    expect(got).to.deep.equal([restart(2), delta(0, 'Else', 2), end('Else', 2)]);
  });

  it('voids nothing where there was nothing', () => {
    const positions = new ReplyPositions(fromTheStart([ID]));
    expect(taken(positions, delta(0, 'A', 2))).to.deep.equal([delta(0, 'A', 2)]);
    expect(positions.id).to.equal(`${ID}:2:1`);
  });

  it('passes a restart on, and begins again behind it', () => {
    const got = taken(at(0), delta(0, 'Half'), restart(2), delta(0, 'Whole', 2));
    expect(got).to.deep.equal([delta(0, 'Half'), restart(2), delta(0, 'Whole', 2)]);
  });

  it('makes the end whole where the stored text is another or shorter one', () => {
    expect(taken(at(9), end('Short'))).to.deep.equal([restart(1), delta(0, 'Short'), end('Short')]);
    expect(taken(at(4, 2), end('First', 1))).to.deep.equal([restart(1), delta(0, 'First'), end('First')]);
    expect(taken(at(2), end('Short'))).to.deep.equal([delta(2, 'ort'), end('Short')]);
  });

  it('counts reasoning by itself', () => {
    const positions = new ReplyPositions([{ messageId: ID, attempt: 1, offset: 2, reasoning: 3 }]);
    const got = taken(
      positions,
      delta(0, 'Hm, so', 1, 'reasoning'),
      delta(0, 'Yes'),
      end('Yes', 1, 'Hm, so'),
    );
    expect(got).to.deep.equal([delta(3, ' so', 1, 'reasoning'), delta(2, 's'), end('Yes', 1, 'Hm, so')]);
    expect(positions.id).to.equal(`${ID}:1:3:r6:done`);
  });

  it('says nothing of a reply that has ended, or that nobody asked for', () => {
    const positions = new ReplyPositions([
      { messageId: ID, attempt: 1, offset: 5, done: true },
      { messageId: OTHER, attempt: 0, offset: 0 },
    ]);
    expect(positions.open).to.deep.equal([OTHER]);
    expect(taken(positions, delta(5, '!'), end('Hello!'))).to.deep.equal([]);
    const gone = { type: 'gone', messageId: OTHER } as const;
    expect(taken(positions, gone, gone)).to.deep.equal([gone]);
    expect(positions.open).to.deep.equal([]);
  });

  it('gives whoever is cut off anywhere, any number of times, exactly the text', () => {
    const pieces = fc.array(fc.string({ minLength: 1, unit: 'grapheme' }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        pieces,
        fc.option(pieces, { nil: undefined }),
        fc.array(fc.nat(30)),
        (first, again, cuts) => {
          let id = new ReplyPositions(fromTheStart([ID])).id;
          let text = '';
          for (const cut of [...cuts, Number.POSITIVE_INFINITY]) {
            const positions = new ReplyPositions(eventIdSchema.parse(id));
            let left = cut;
            // Each time it is followed from the beginning.
            for (const event of story(first, again)) {
              for (const got of positions.take(event)) {
                if (left-- <= 0) break;
                if (got.type === 'restart') text = '';
                if (got.type === 'delta') {
                  expect(got.offset).to.equal(text.length);
                  text += got.text;
                }
                id = positions.id;
              }
              if (left < 0) break;
            }
          }
          expect(text).to.equal((again ?? first).join(''));
          expect(id).to.match(/:done$/);
        },
      ),
    );
  });
});

/** A reply, and the attempt after it if there is one. */
function* story(first: string[], again: string[] | undefined): Generator<ReplyEvent> {
  for (const [attempt, pieces] of [first, again].entries()) {
    if (!pieces) continue;
    if (attempt > 0) yield restart(attempt + 1);
    let offset = 0;
    for (const text of pieces) {
      yield delta(offset, text, attempt + 1);
      offset += text.length;
    }
  }
  yield end((again ?? first).join(''), again ? 2 : 1);
}
