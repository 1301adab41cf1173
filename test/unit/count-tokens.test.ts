import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { countTokens } from '../../src/services/count-tokens.ts';

describe('countTokens', () => {
  it('counts as the encoding does', async () => {
    expect(await countTokens('')).to.equal(0);
    expect(await countTokens('hello world')).to.equal(2);
  });

  it('takes special tokens for the text that they are', async () => {
    expect(await countTokens('<|endoftext|>')).to.be.greaterThan(1);
    expect(await countTokens('a <|im_start|> b <|endofprompt|>')).to.be.greaterThan(5);
  });

  it('takes any text, halves of surrogate pairs as well', async () => {
    for (const text of ['\ud83d', '\ude00\ud83d', '😀'.repeat(2_000), '\0\u202e']) {
      expect(await countTokens(text)).to.be.greaterThan(0);
    }
  });

  it('never holds the event loop up, not even with a text that is made to', async function () {
    this.timeout(60_000);
    const letters = Array.from({ length: 400_000 }, (_, n) =>
      String.fromCharCode(97 + ((n * n * 7919) % 26)),
    );
    // Processor time, so that a busy machine does not count.
    let [worstMs, last, counting] = [0, process.cpuUsage(), true];
    const watch = () => {
      worstMs = Math.max(worstMs, process.cpuUsage(last).user / 1_000);
      last = process.cpuUsage();
      if (counting) setImmediate(watch);
    };
    setImmediate(watch);
    expect(await countTokens(letters.join(''))).to.be.greaterThan(40_000);
    counting = false;
    await nextTurn();
    expect(worstMs).to.be.lessThan(250);
  });
});
