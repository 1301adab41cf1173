import { expect } from 'chai';
import fc from 'fast-check';
import type { EnhancementEvent, EnhancementPosition } from '../../src/contracts/enhancement-events.ts';
import { positionSchema } from '../../src/contracts/enhancement-events.ts';
import type { Message } from '../../src/contracts/message.ts';
import { EnhancementTeller } from '../../src/services/enhance/tell-enhancement.ts';
import type { ReplyEvent } from '../../src/services/follow-replies.ts';

const delta = (attempt: number, offset: number, text: string): ReplyEvent => ({
  type: 'delta',
  messageId: 'm',
  attempt,
  offset,
  text,
});
const end = (attempt: number, content: string, rest: Partial<Message> = {}): ReplyEvent => ({
  type: 'end',
  message: {
    attempt,
    content,
    status: 'completed',
    finishReason: 'stop',
    error: null,
    usage: null,
    cost: null,
    credits: 0,
    ...rest,
  } as Message,
});

async function told(events: ReplyEvent[], have?: EnhancementPosition): Promise<EnhancementEvent[]> {
  const teller = new EnhancementTeller(have);
  const all: EnhancementEvent[] = [];
  for (const event of events) all.push(...(await teller.tell(event)));
  return all;
}
/** What a client that has `before` knows after these events. */
const textAfter = (before: string, events: EnhancementEvent[]): string =>
  events.reduce((text, { event, data }) => {
    if (event === 'restart') return '';
    return event === 'chunk' ? text + data.text : text;
  }, before);

describe('telling of an enhancement', () => {
  it('gives chunks with their tokens and ids, and the end with the whole text', async () => {
    const events = await told([delta(1, 0, 'One two'), delta(1, 7, ' three'), end(1, 'One two three')]);
    expect(events).to.deep.equal([
      { event: 'chunk', data: { text: 'One two', tokens: 2 }, id: '1:7' },
      { event: 'chunk', data: { text: ' three', tokens: 1 }, id: '1:13' },
      {
        event: 'done',
        data: { text: 'One two three', finishReason: 'stop', usage: null, cost: null, credits: 0 },
        id: '1:13:done',
      },
    ]);
  });

  it('tells nothing of what a model thinks', async () => {
    expect(await told([{ ...delta(1, 0, 'hm'), channel: 'reasoning' } as ReplyEvent])).to.deep.equal([]);
  });

  it('begins anew with another attempt', async () => {
    const events = await told([
      delta(1, 0, 'Lost'),
      { type: 'restart', messageId: 'm', attempt: 2 },
      delta(2, 0, 'New'),
    ]);
    expect(events.map(({ event, id }) => [event, id])).to.deep.equal([
      ['chunk', '1:4'],
      ['restart', '2:0'],
      ['chunk', '2:3'],
    ]);
    expect(textAfter('', events)).to.equal('New');
  });

  it('ends with an error or a cancellation, and the text that there is', async () => {
    const error = { code: 'interrupted', message: 'It broke off.' } as const;
    const [failed] = await told([end(2, 'Half', { status: 'failed', error })]);
    expect(failed).to.deep.include({ event: 'error', id: '2:4:done' });
    expect(failed?.data).to.deep.include({ ...error, text: 'Half' });
    const [cancelled] = await told([end(1, 'Half', { status: 'cancelled' })]);
    expect(cancelled).to.deep.equal({
      event: 'cancelled',
      data: { text: 'Half', usage: null, cost: null, credits: 0 },
      id: '1:4:done',
    });
    expect((await told([{ type: 'gone', messageId: 'm' }]))[0]?.event).to.equal('error');
  });

  it('brings a client that comes back to the same text, wherever it was', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 }),
        fc.nat(64),
        fc.constantFrom(1, 2),
        async (pieces, offset, attempt) => {
          const whole = pieces.join('');
          let at = 0;
          const events = pieces.map((piece) => {
            at += piece.length;
            return delta(2, at - piece.length, piece);
          });
          const had = Math.min(offset, whole.length);
          const before = attempt === 2 ? whole.slice(0, had) : 'an earlier attempt';
          const after = await told(events, { attempt, offset: had, done: false });
          expect(textAfter(before, after)).to.equal(whole);
          const repeated = after.filter(({ event }) => event === 'restart').length;
          expect(repeated).to.equal(attempt === 2 ? 0 : 1);
        },
      ),
    ));

  it('reads its own ids, and no others', () => {
    expect(positionSchema.parse('2:13')).to.deep.equal({ attempt: 2, offset: 13, done: false });
    expect(positionSchema.parse('2:13:done')).to.deep.equal({ attempt: 2, offset: 13, done: true });
    for (const bad of ['', '2', '2:', ':3', '2:3:no', '-1:2', '1e3:4', '1:99999999999', '2:3 '])
      expect(positionSchema.safeParse(bad).success, bad).to.equal(false);
  });
});
