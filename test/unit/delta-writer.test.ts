import { expect } from 'chai';
import fc from 'fast-check';
import { DeltaWriter } from '../../src/feed/delta-writer.ts';
import type { Delta, LiveText } from '../../src/feed/ports.ts';
import { type Deferred, defer } from '../support/deferred.ts';
import { microtasks } from '../support/until.ts';

/** A live text that acknowledges when it is told to. */
class SlowText implements LiveText {
  readonly deltas: Delta[] = [];
  readonly wholes: string[] = [];
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
      this.wholes.push(delta.whole());
    }
  }

  /** Ends the append that is on its way. */
  async acknowledge(error?: Error): Promise<void> {
    if (error) this.inFlight?.reject(error);
    else this.inFlight?.resolve();
    await microtasks();
  }
}

function open() {
  const live = new SlowText();
  const errors: unknown[] = [];
  return { live, errors, writer: new DeltaWriter(live, (error) => errors.push(error)) };
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
    const finished = writer.finish().then((whole) => {
      text = whole;
    });
    await live.acknowledge();
    expect(text).to.equal(undefined);
    await live.acknowledge();
    await finished;
    expect(text).to.equal('ab');
  });

  it('has nothing to wait for when nothing was written', async () => {
    expect(await open().writer.finish()).to.equal('');
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
    expect(await writer.finish()).to.equal('lost kept');
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

  it('keeps deltas contiguous and exact, one in flight, whatever the order of pushes, answers and failures', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
      {
        weight: 2,
        arbitrary: fc.constantFrom('acknowledge' as const, 'fail' as const).map((how) => ({ how })),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { live, writer, errors } = open();
        let pushed = '';
        let failed = 0;
        for (const each of steps) {
          if (typeof each === 'string') {
            writer.push(each);
            pushed += each;
            expect(writer.length).to.equal(pushed.length);
          } else {
            if (each.how === 'fail' && live.inFlight) failed += 1;
            await live.acknowledge(each.how === 'fail' ? new Error('away') : undefined);
          }
        }
        const finished = writer.finish();
        while (live.inFlight) await live.acknowledge();
        expect(await finished).to.equal(pushed);
        expect(live.mostInFlight).to.be.at.most(1);
        expect(errors).to.have.length(failed);
        let text = '';
        live.deltas.forEach((delta, index) => {
          expect(delta.offset).to.equal(text.length);
          expect(delta.text).not.to.equal('');
          text += delta.text;
          expect(live.wholes[index]).to.equal(text);
        });
        expect(text).to.equal(pushed);
      }),
      { numRuns: 100 },
    );
  });
});
