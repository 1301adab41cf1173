import { expect } from 'chai';
import { pino } from 'pino';
import { Lifecycle } from '../../src/base/lifecycle.ts';
import { defer } from '../support/deferred.ts';

describe('Lifecycle', () => {
  function open() {
    const lines: { resource: string; err: { message: string } }[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
    return { lifecycle: new Lifecycle(log), lines };
  }

  it('closes in reverse, one after the other', async () => {
    const { lifecycle } = open();
    const order: string[] = [];
    const slow = defer();
    lifecycle.onClose('first', () => order.push('first'));
    lifecycle.onClose('second', async () => {
      order.push('second begins');
      await slow.promise;
      order.push('second ends');
    });
    const closed = lifecycle.close();
    expect(order).to.deep.equal(['second begins']);
    slow.resolve();
    await closed;
    expect(order).to.deep.equal(['second begins', 'second ends', 'first']);
  });

  it('closes each once, and lets every caller wait for all of it', async () => {
    const { lifecycle } = open();
    const slow = defer();
    let closes = 0;
    lifecycle.onClose('it', async () => {
      closes += 1;
      await slow.promise;
    });
    let waiting = 2;
    const calls = [1, 2].map(async () => {
      await lifecycle.close();
      waiting -= 1;
    });
    await Promise.resolve();
    expect([closes, waiting]).to.deep.equal([1, 2]);
    slow.resolve();
    await Promise.all(calls);
    await lifecycle.close();
    expect([closes, waiting]).to.deep.equal([1, 0]);
  });

  it('goes on when one fails to close, however it fails, and says which', async () => {
    const { lifecycle, lines } = open();
    let reached = false;
    lifecycle.onClose('last', () => {
      reached = true;
    });
    lifecycle.onClose('thrower', () => {
      throw new Error('at once');
    });
    lifecycle.onClose('rejecter', () => Promise.reject(new Error('later')));
    await lifecycle.close();
    expect(reached).to.equal(true);
    expect(lines.map(({ resource, err }) => [resource, err.message])).to.deep.equal([
      ['rejecter', 'later'],
      ['thrower', 'at once'],
    ]);
  });

  it('goes on when one does not come to its end in its time', async () => {
    const { lifecycle, lines } = open();
    let reached = false;
    lifecycle.onClose('last', () => {
      reached = true;
    });
    lifecycle.onClose('stuck', () => new Promise(() => {}), 20);
    await lifecycle.close();
    expect(reached).to.equal(true);
    expect(lines.map(({ resource, err }) => [resource, err.message])).to.deep.equal([
      ['stuck', 'no answer in 20 ms'],
    ]);
  });

  it('closes what is opened while it closes', async () => {
    const { lifecycle } = open();
    let closed = false;
    lifecycle.onClose('it', async () => {
      lifecycle.onClose('late', () => {
        closed = true;
      });
    });
    await lifecycle.close();
    expect(closed).to.equal(true);
  });
});
