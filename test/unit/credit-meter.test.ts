import { expect } from 'chai';
import fc from 'fast-check';
import type { Channel } from '../../src/feed/ports.ts';
import { countTokens } from '../../src/services/count-tokens.ts';
import { EstimatingMeter } from '../../src/services/estimating-meter.ts';
import { GrowingCount } from '../../src/services/growing-count.ts';
import { HoldPortions } from '../../src/services/hold-portions.ts';
import { LimitingMeter } from '../../src/services/limiting-meter.ts';
import { type Deferred, defer } from '../support/deferred.ts';
import { microtasks, until } from '../support/until.ts';

/** One more token each, also at the beginning of a delta. */
const WORD = ' word';

interface Shape {
  heldTokens?: number;
  prompt?: string[];
  maxTokens?: number;
  /** What may be granted in all; nothing is granted by itself when left out. */
  left?: number;
}

/** A meter, what it has written, and who is asked for more. */
function open(Meter: typeof LimitingMeter | typeof EstimatingMeter, shape: Shape = {}) {
  const { heldTokens = 101, prompt = ['Why'], maxTokens } = shape;
  let left = shape.left;
  const written = { text: '', reasoning: '' };
  const asked: { tokens: number; answer: Deferred<number | undefined> }[] = [];
  const errors: unknown[] = [];
  const controller = new AbortController();
  const portions = new HoldPortions({
    heldTokens,
    signal: controller.signal,
    onError: (error) => errors.push(error),
    grow: (tokens) => {
      const answer = defer<number | undefined>();
      asked.push({ tokens, answer });
      if (left !== undefined) {
        const granted = Math.min(left, tokens);
        left -= granted;
        answer.resolve(granted);
      }
      return answer.promise;
    },
  });
  const sink = {
    push(text: string, channel?: Channel) {
      written[channel ?? 'text'] += text;
    },
  };
  const { signal } = controller;
  const meter = new Meter({ portions, sink, prompt, maxTokens, signal });
  return { meter, portions, written, asked, errors, controller };
}

/** Writes until the meter wants no more. */
async function writeAll(meter: LimitingMeter | EstimatingMeter, deltas: string[], channel?: Channel) {
  for (const delta of deltas) {
    await meter.write(delta, channel);
    if (meter.over) return;
  }
}

const wordsOf = (count: number): string[] => Array.from({ length: count }, () => WORD);

describe('the count of a text that grows', () => {
  it('is that of the whole text, however it came, in slices or not', async () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.constantFrom('word '.repeat(150), '😀'.repeat(301), 'a'.repeat(999), ' \n\n\t ', "don't"),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), piece, async (pieces, more) => {
        const count = new GrowingCount();
        let text = '';
        for (const each of pieces) {
          count.add(each);
          text += each;
          expect(await count.count()).to.equal(await countTokens(text));
        }
        expect(await count.countWith(more)).to.equal(await countTokens(text + more));
        expect(await count.count()).to.equal(await countTokens(text));
      }),
      { numRuns: 60 },
    );
  });
});

describe('the meter of a reply without a limit', () => {
  it('never waits, and asks for portions that grow, one at a time, before the last is used up', async () => {
    const { meter, written, asked } = open(EstimatingMeter);
    await meter.begin();
    const deltas = wordsOf(60);
    for (const delta of deltas) expect(meter.write(delta)).to.equal(undefined);
    expect(written.text).to.equal(deltas.join(''));
    expect(asked.map(({ tokens }) => tokens)).to.deep.equal([100]);
    // Nobody answers: the text goes on, and nobody is asked twice.
    for (const delta of wordsOf(500)) expect(meter.write(delta)).to.equal(undefined);
    expect(asked).to.have.length(1);
    asked[0]?.answer.resolve(100);
    await microtasks();
    meter.write(WORD);
    // The next portion, and what was used beyond the hold meanwhile: 561 words of 5 bytes at 4 a token, and the prompt.
    expect(asked.map(({ tokens }) => tokens)).to.deep.equal([100, 200 + 702 - 201]);
    expect(meter.over).to.equal(undefined);
  });

  it('takes few statements for a long reply', async () => {
    const { meter, asked, portions } = open(EstimatingMeter, { left: 1e9 });
    await meter.begin();
    for (const delta of wordsOf(8_000)) {
      meter.write(delta);
      await microtasks(10);
    }
    expect(asked.map(({ tokens }) => tokens)).to.deep.equal([
      100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000,
    ]);
    expect(portions.heldTokens).to.be.greaterThan(10_000);
  });

  it('asks for no more than the reply may have', async () => {
    const { meter, asked } = open(EstimatingMeter, { left: 1e9, maxTokens: 130 });
    await meter.begin();
    for (const delta of wordsOf(104)) {
      meter.write(delta);
      await microtasks(10);
    }
    expect(asked.map(({ tokens }) => tokens)).to.deep.equal([30]);
  });

  it('goes on when nobody can be asked, and asks again later', async () => {
    const { meter, asked, errors, written, controller } = open(EstimatingMeter);
    await meter.begin();
    await writeAll(meter, wordsOf(60));
    asked[0]?.answer.reject(new Error('The database is away.'));
    await microtasks();
    await writeAll(meter, wordsOf(200));
    expect(asked, 'it is left alone for a while').to.have.length(1);
    expect(errors).to.have.length(1);
    expect(written.text).to.equal(WORD.repeat(260));
    controller.abort();
    await microtasks();
    await writeAll(meter, wordsOf(1));
    expect(asked).to.have.length(2);
  });

  it('is over when the claim is lost', async () => {
    const { meter, asked } = open(EstimatingMeter);
    await meter.begin();
    await writeAll(meter, wordsOf(60));
    asked[0]?.answer.resolve(undefined);
    await microtasks();
    expect(meter.over).to.equal('lost');
    meter.write(WORD);
    expect(asked).to.have.length(1);
  });
});

describe('the meter of a reply with a limit', () => {
  it('writes at once what is covered, without waiting for anybody', async () => {
    const { meter, written } = open(LimitingMeter);
    await meter.begin();
    for (const delta of wordsOf(20)) expect(meter.write(delta)).to.equal(undefined);
    expect(written.text).to.equal(WORD.repeat(20));
  });

  it('writes nothing that is not covered before it is', async () => {
    const { meter, written, asked, portions } = open(LimitingMeter);
    await meter.begin();
    const all = writeAll(meter, wordsOf(150));
    await expectSettles(() => written.text.length === 100 * WORD.length);
    expect(
      asked.map(({ tokens }) => tokens),
      'asked ahead, once',
    ).to.deep.equal([100]);
    expect(meter.over).to.equal(undefined);
    asked[0]?.answer.resolve(100);
    await all;
    expect(written.text).to.equal(WORD.repeat(150));
    expect(portions.heldTokens).to.equal(201);
    expect(meter.over).to.equal(undefined);
  });

  it('ends exactly where nothing more is granted', async () => {
    for (const left of [0, 1, 37, 100, 250]) {
      const { meter, written, portions } = open(LimitingMeter, { left });
      await meter.begin();
      await writeAll(meter, wordsOf(1_000));
      expect(meter.over).to.equal('credit_limit');
      expect(written.text, `with ${left} left`).to.equal(WORD.repeat(100 + left));
      expect(portions.heldTokens).to.equal(101 + left);
    }
  });

  it('asks once more at the edge: credits may have come back meanwhile', async () => {
    const { meter, written, asked } = open(LimitingMeter);
    await meter.begin();
    const all = writeAll(meter, wordsOf(150));
    await expectSettles(() => asked.length === 1);
    asked[0]?.answer.resolve(10);
    await expectSettles(() => asked.length === 2);
    expect(written.text).to.equal(WORD.repeat(110));
    asked[1]?.answer.resolve(40);
    await all;
    expect(written.text).to.equal(WORD.repeat(150));
    expect(meter.over).to.equal(undefined);
  });

  it('cuts one large delta as exactly as many small ones', async () => {
    const { meter, written } = open(LimitingMeter, { left: 1_500 });
    await meter.begin();
    await writeAll(meter, [WORD.repeat(4_000)]);
    expect(meter.over).to.equal('credit_limit');
    expect(written.text).to.equal(WORD.repeat(1_600));
  });

  it('counts reasoning as output', async () => {
    const { meter, written } = open(LimitingMeter, { left: 20 });
    await meter.begin();
    await writeAll(meter, wordsOf(70), 'reasoning');
    await writeAll(meter, wordsOf(70));
    expect(meter.over).to.equal('credit_limit');
    expect(written).to.deep.equal({ reasoning: WORD.repeat(70), text: WORD.repeat(50) });
  });

  it('has the prompt covered first, however much larger than its estimate it is', async () => {
    const prompt = [WORD.repeat(500)];
    const { meter, written, asked } = open(LimitingMeter, { prompt, left: 450 });
    await meter.begin();
    expect(asked.map(({ tokens }) => tokens)[0]).to.equal(100 + 400);
    expect(meter.over).to.equal(undefined);
    await writeAll(meter, wordsOf(100));
    expect(written.text).to.equal(WORD.repeat(101 + 450 - 500));

    const poor = open(LimitingMeter, { prompt, left: 399 });
    await poor.meter.begin();
    expect(poor.meter.over).to.equal('credit_limit');
  });

  it('waits for a database that is away, until it is stopped', async () => {
    const { meter, written, asked, errors, controller } = open(LimitingMeter);
    await meter.begin();
    const all = writeAll(meter, wordsOf(101));
    await expectSettles(() => asked.length === 1 && written.text.length === 100 * WORD.length);
    asked[0]?.answer.reject(new Error('The database is away.'));
    await microtasks();
    expect(meter.over).to.equal(undefined);
    controller.abort();
    await all;
    expect(errors).to.have.length(1);
    expect(written.text).to.equal(WORD.repeat(100));
    expect(meter.over, 'it is the stop that ends it').to.equal(undefined);
  });

  it('asks a database that was away again, and goes on', async () => {
    const { meter, written, asked } = open(LimitingMeter);
    await meter.begin();
    const all = writeAll(meter, wordsOf(101));
    await expectSettles(() => asked.length === 1);
    asked[0]?.answer.reject(new Error('The database is away.'));
    await expectSettles(() => asked.length === 2, 5_000);
    asked[1]?.answer.resolve(1);
    await all;
    expect(written.text).to.equal(WORD.repeat(101));
  });

  it('writes nothing more when the claim is lost', async () => {
    const { meter, written, asked } = open(LimitingMeter);
    await meter.begin();
    const all = writeAll(meter, wordsOf(150));
    await expectSettles(() => asked.length === 1 && written.text.length === 100 * WORD.length);
    asked[0]?.answer.resolve(undefined);
    await all;
    expect(meter.over).to.equal('lost');
    expect(written.text).to.equal(WORD.repeat(100));
  });

  it('writes the beginning of any text, as much as is covered and not a character less', async () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
      fc.constantFrom('word ', '😀', ' 👩‍👩‍👧', 'ab', "'t", '\n\n', 'x'.repeat(400), '日本語'),
    );
    const reply = fc.array(fc.tuple(piece, fc.boolean()), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(reply, fc.nat(120), async (deltas, left) => {
        const { meter, written, portions } = open(LimitingMeter, { heldTokens: 11, left });
        await meter.begin();
        const given = { text: '', reasoning: '' };
        for (const [delta, isText] of deltas) {
          const channel = isText ? undefined : 'reasoning';
          given[channel ?? 'text'] += delta;
          await meter.write(delta, channel);
          if (meter.over) break;
        }
        const used = async (text: string, reasoning: string) =>
          1 + (await countTokens(text)) + (await countTokens(reasoning));
        expect(await used(written.text, written.reasoning)).to.be.at.most(portions.heldTokens);
        if (!meter.over) {
          expect(written).to.deep.equal(given);
          return;
        }
        expect(portions.heldTokens).to.equal(11 + left);
        const cut = written.text === given.text ? 'reasoning' : 'text';
        expect(given[cut].startsWith(written[cut])).to.equal(true);
        const [next = ''] = Array.from(given[cut].slice(written[cut].length));
        expect(next, 'something was cut off, a whole character').to.match(/./su);
        const more = { ...written, [cut]: written[cut] + next };
        expect(await used(more.text, more.reasoning)).to.be.greaterThan(portions.heldTokens);
      }),
      { numRuns: 200 },
    );
  });
});

/** Counting takes turns of its own. */
async function expectSettles(isTrue: () => boolean, ms = 2_000): Promise<void> {
  await until('the meter gets so far', isTrue, ms);
  await microtasks(100);
  expect(isTrue()).to.equal(true);
}
