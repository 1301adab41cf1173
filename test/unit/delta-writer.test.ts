import { expect } from 'chai';
import fc from 'fast-check';
import { DeltaWriter } from '../../src/feed/delta-writer.ts';
import type { Channel, Delta, LiveText } from '../../src/feed/ports.ts';
import { type Deferred, defer } from '../support/deferred.ts';
import { microtasks, until } from '../support/until.ts';

/** A live text that acknowledges when it is told to. `wholes`: what it would have restored of a delta's channel, and of both. */
class SlowText implements LiveText {
  readonly deltas: Delta[] = [];
  readonly wholes: { own: string; text: string; reasoning: string }[] = [];
  inFlight: Deferred | undefined;
  mostInFlight = 0;
  #now = 0;

  async append(delta: Delta): Promise<void> {
    this.deltas.push(delta);
    this.mostInFlight = Math.max(this.mostInFlight, ++this.#now);
    this.inFlight = defer();
    try {
      await this.inFlight.promise;
    } finally {
      this.#now -= 1;
      this.inFlight = undefined;
      const { channel, whole } = delta;
      this.wholes.push({ own: whole(channel), text: whole(), reasoning: whole('reasoning') });
    }
  }

  /** Ends the append that is on its way. */
  async acknowledge(error?: Error): Promise<void> {
    if (error) this.inFlight?.reject(error);
    else this.inFlight?.resolve();
    await microtasks();
  }
}

function open({ pauseMs = 0 } = {}) {
  const live = new SlowText();
  const errors: unknown[] = [];
  const pace = { pauseAfter: () => pauseMs };
  return { live, errors, writer: new DeltaWriter(live, { pace, onError: (error) => errors.push(error) }) };
}

const textsOf = ({ deltas }: SlowText): string[] => deltas.map(({ text }) => text);

describe('DeltaWriter', () => {
  it('sends the first delta at once, and merges what comes until it is acknowledged', async () => {
    const { live, writer } = open();
    writer.push('a');
    expect(textsOf(live)).to.deep.equal(['a']);
    for (const text of ['b', 'c', 'd']) writer.push(text);
    await microtasks();
    expect(textsOf(live)).to.deep.equal(['a']);
    await live.acknowledge();
    expect(textsOf(live)).to.deep.equal(['a', 'bcd']);
    await live.acknowledge();
    writer.push('e');
    expect(textsOf(live)).to.deep.equal(['a', 'bcd', 'e']);
  });

  it('answers the whole text once everything is on the other side', async () => {
    const { live, writer } = open();
    writer.push('a');
    writer.push('b');
    let text: string | undefined;
    const finished = writer.finish().then((written) => {
      text = written.text;
    });
    await live.acknowledge();
    expect(text).to.equal(undefined);
    await live.acknowledge();
    await finished;
    expect(text).to.equal('ab');
  });

  it('has nothing to wait for when nothing was written', async () => {
    expect(await open().writer.finish()).to.deep.equal({ text: '', reasoning: null });
  });

  it('takes no notice of an empty text', async () => {
    const { live, writer } = open();
    writer.push('');
    writer.push('a');
    expect(textsOf(live)).to.deep.equal(['a']);
  });

  it('goes on after an append that failed, tells of it, and can restore the whole text', async () => {
    const { live, errors, writer } = open();
    const away = new Error('away');
    writer.push('lost ');
    writer.push('kept');
    await live.acknowledge(away);
    expect(errors).to.deep.equal([away]);
    expect(live.deltas[1]).to.include({ offset: 5, text: 'kept' });
    expect(live.deltas[1]?.whole()).to.equal('lost kept');
    await live.acknowledge();
    expect(await writer.finish()).to.deep.equal({ text: 'lost kept', reasoning: null });
  });

  it('sends nothing more once it is abandoned, and does not hang', async () => {
    const { live, writer } = open();
    writer.push('a');
    writer.push('b');
    writer.abandon();
    writer.push('c');
    await live.acknowledge();
    await writer.finish();
    writer.push('d');
    expect(textsOf(live)).to.deep.equal(['a']);
  });

  it('sends nothing in the pause after a delta, and all that came in it afterwards', async () => {
    const { live, writer } = open({ pauseMs: 20 });
    writer.push('a');
    writer.push('b');
    const acknowledgedMs = performance.now();
    await live.acknowledge();
    writer.push('c');
    expect(textsOf(live)).to.deep.equal(['a']);
    await until('the pause is over', () => live.deltas.length === 2);
    expect(performance.now() - acknowledgedMs).to.be.at.least(19);
    expect(textsOf(live)).to.deep.equal(['a', 'bc']);
  });

  it('sends at once what comes after the pause', async () => {
    const { live, writer } = open({ pauseMs: 5 });
    writer.push('a');
    await live.acknowledge();
    const acknowledgedMs = performance.now();
    await until('the pause is over', () => performance.now() > acknowledgedMs + 5);
    writer.push('b');
    expect(textsOf(live)).to.deep.equal(['a', 'b']);
  });

  it('is finished at once in a pause for which nothing waits', async () => {
    const { live, writer } = open({ pauseMs: 3_600_000 });
    writer.push('a');
    await live.acknowledge();
    expect(await writer.finish()).to.deep.equal({ text: 'a', reasoning: null });
  });

  for (const end of ['finish', 'abandon'] as const) {
    it(`has no pause left once it is to ${end}`, async () => {
      const { live, writer } = open({ pauseMs: 3_600_000 });
      writer.push('a');
      writer.push('b');
      await live.acknowledge();
      if (end === 'abandon') writer.abandon();
      const finished = writer.finish();
      await microtasks();
      expect(textsOf(live)).to.deep.equal(end === 'finish' ? ['a', 'b'] : ['a']);
      writer.push('c');
      await live.acknowledge();
      await live.acknowledge();
      await finished;
      expect(textsOf(live)).to.deep.equal(end === 'finish' ? ['a', 'b', 'c'] : ['a']);
    });
  }

  it('sends reasoning apart from the text, in the order in which they came', async () => {
    const { live, writer } = open();
    writer.push('hm', 'reasoning');
    writer.push('m', 'reasoning');
    writer.push('.', 'reasoning');
    writer.push('a');
    writer.push('b');
    writer.push('wait', 'reasoning');
    writer.push('c');
    for (let n = 0; n < 5; n += 1) await live.acknowledge();
    expect(live.deltas.map(({ channel, offset, text }) => [channel, offset, text])).to.deep.equal([
      ['reasoning', 0, 'hm'],
      ['reasoning', 2, 'm.'],
      [undefined, 0, 'ab'],
      ['reasoning', 4, 'wait'],
      [undefined, 2, 'c'],
    ]);
    expect(await writer.finish()).to.deep.equal({ text: 'abc', reasoning: 'hmm.wait' });
  });

  it('sends nothing of what waits in either channel once it is abandoned', async () => {
    const { live, writer } = open();
    writer.push('a', 'reasoning');
    writer.push('b', 'reasoning');
    writer.push('c');
    writer.abandon();
    await live.acknowledge();
    await writer.finish();
    expect(textsOf(live)).to.deep.equal(['a']);
  });

  it('keeps both channels contiguous and exact, one in flight, whatever the order of pushes, answers and failures', async () => {
    const channels = fc.constantFrom<Channel[]>(undefined, undefined, 'reasoning');
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.tuple(channels, fc.string({ unit: 'binary', maxLength: 8 })) },
      {
        weight: 2,
        arbitrary: fc.constantFrom('acknowledge' as const, 'fail' as const).map((how) => ({ how })),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { live, writer, errors } = open();
        const pushed = { text: '', reasoning: '' };
        /** What was pushed, each character with its channel: in this order it must go out. */
        const order: string[] = [];
        let failed = 0;
        for (const each of steps) {
          if (Array.isArray(each)) {
            const [channel, text] = each;
            writer.push(text, channel);
            pushed[channel ?? 'text'] += text;
            order.push(...[...text].map((character) => `${channel} ${character}`));
          } else {
            if (each.how === 'fail' && live.inFlight) failed += 1;
            await live.acknowledge(each.how === 'fail' ? new Error('away') : undefined);
          }
        }
        const finished = writer.finish();
        while (live.inFlight) await live.acknowledge();
        const reasoning = pushed.reasoning === '' ? null : pushed.reasoning;
        expect(await finished).to.deep.equal({ text: pushed.text, reasoning });
        expect(live.mostInFlight).to.be.at.most(1);
        expect(errors).to.have.length(failed);
        const sent = { text: '', reasoning: '' };
        live.deltas.forEach(({ channel, offset, text }, index) => {
          const name = channel ?? 'text';
          expect(offset).to.equal(sent[name].length);
          expect(text).not.to.equal('');
          sent[name] += text;
          expect(live.wholes[index]).to.deep.equal({ own: sent[name], ...sent });
        });
        expect(sent).to.deep.equal(pushed);
        const went = live.deltas.flatMap(({ channel, text }) =>
          [...text].map((each) => `${channel} ${each}`),
        );
        expect(went).to.deep.equal(order);
      }),
      { numRuns: 100 },
    );
  });
});
