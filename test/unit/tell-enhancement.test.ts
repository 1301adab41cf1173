import { expect } from 'chai';
import type { Message } from '../../src/contracts/message.ts';
import { tellEnhancement } from '../../src/services/enhance/tell-enhancement.ts';

const delta = { type: 'delta', messageId: 'm', attempt: 1, offset: 0, text: 'One two' } as const;
const taken = { usage: null, cost: { usd: 1, inr: 88 }, credits: 2 };
const end = (rest: Partial<Message>) =>
  tellEnhancement({
    type: 'end',
    message: { content: 'Half', finishReason: 'stop', error: null, ...taken, ...rest } as Message,
  });

describe('telling of an enhancement', () => {
  it('gives chunks of the text with their tokens, and nothing of what the model thinks', async () => {
    expect(await tellEnhancement(delta)).to.deep.equal({
      event: 'chunk',
      data: { text: 'One two', tokens: 2 },
    });
    expect(await tellEnhancement({ ...delta, channel: 'reasoning' })).to.equal(undefined);
  });

  it('says that it begins anew', async () => {
    expect(await tellEnhancement({ type: 'restart', messageId: 'm', attempt: 2 })).to.deep.equal({
      event: 'restart',
      data: { attempt: 2 },
    });
  });

  it('ends as it has ended, with all that was written and what it took', async () => {
    expect(await end({ status: 'completed' })).to.deep.equal({
      event: 'done',
      data: { text: 'Half', finishReason: 'stop', ...taken },
    });
    expect(await end({ status: 'cancelled' })).to.deep.equal({
      event: 'cancelled',
      data: { text: 'Half', ...taken },
    });
    const error = { code: 'interrupted', message: 'It broke off.' } as const;
    expect(await end({ status: 'failed', error })).to.deep.equal({
      event: 'error',
      data: { ...error, text: 'Half', ...taken },
    });
  });

  it('ends as well when it was deleted', async () => {
    expect((await tellEnhancement({ type: 'gone', messageId: 'm' }))?.event).to.equal('error');
  });
});
