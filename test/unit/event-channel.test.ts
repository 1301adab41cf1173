import { expect } from 'chai';
import { EventChannel } from '../../src/providers/event-channel.ts';
import type { ProviderEvent } from '../../src/providers/provider.ts';

const text = (value: string): ProviderEvent => ({ type: 'text', text: value });

function open(signal = new AbortController().signal) {
  const log: string[] = [];
  let opened = 0;
  const channel = new EventChannel({
    signal,
    open: (it) => {
      opened += 1;
      it.onClose = () => log.push('closed');
      it.onPressure = (full) => log.push(full ? 'full' : 'drained');
    },
  });
  return { channel, log, opened: () => opened };
}

describe('EventChannel', () => {
  it('opens its source when reading begins, once', async () => {
    const { channel, opened } = open();
    expect(opened()).to.equal(0);
    expect((await channel.next()).value).to.deep.equal({ type: 'start' });
    void channel.next();
    expect(opened()).to.equal(1);
  });

  it('hands an event to a reader that waits', async () => {
    const { channel } = open();
    await channel.next();
    const pending = channel.next();
    channel.push(text('a'));
    expect((await pending).value).to.deep.equal(text('a'));
  });

  it('merges deltas of one kind that nobody waits for, and keeps the order of kinds', async () => {
    const { channel } = open();
    await channel.next();
    for (const part of ['a', 'b', 'c']) channel.push(text(part));
    channel.push({ type: 'reasoning', text: 'r' });
    channel.push(text('d'));
    channel.push({ type: 'finish', reason: 'stop' });
    const rest: ProviderEvent[] = [];
    for await (const event of channel) rest.push(event);
    expect(rest.map((event) => ('text' in event ? event.text : event.type))).to.deep.equal([
      'abc',
      'r',
      'd',
      'finish',
    ]);
  });

  it('keeps one sign of life where many came that nobody waits for', async () => {
    const { channel } = open();
    await channel.next();
    for (const piece of ['{', '"a"', ':1}']) channel.push({ type: 'writing', text: piece });
    channel.push(text('a'));
    channel.push({ type: 'writing', text: '{}' });
    channel.push({ type: 'finish', reason: 'stop' });
    const rest: ProviderEvent[] = [];
    for await (const event of channel) rest.push(event);
    expect(rest).to.deep.equal([
      { type: 'writing', text: '{"a":1}' },
      { type: 'text', text: 'a' },
      { type: 'writing', text: '{}' },
      { type: 'finish', reason: 'stop' },
    ]);
  });

  it('takes nothing after the last event, and closes its source once', async () => {
    const { channel, log } = open();
    await channel.next();
    channel.push({ type: 'finish', reason: 'stop' });
    channel.push(text('late'));
    expect((await channel.next()).value?.type).to.equal('finish');
    expect((await channel.next()).done).to.equal(true);
    await channel.return();
    expect(log).to.deep.equal(['closed']);
  });

  it('asks its source to pause when too much waits, and to go on when it has been read', async () => {
    const { channel, log } = open();
    await channel.next();
    for (let n = 0; n < 5; n += 1) channel.push(text('x'.repeat(100_000)));
    expect(log).to.deep.equal(['full']);
    await channel.next();
    expect(log).to.deep.equal(['full', 'drained']);
  });

  it('ends at once when the signal aborts, and drops what waits', async () => {
    const caller = new AbortController();
    const { channel, log } = open(caller.signal);
    await channel.next();
    channel.push(text('unread'));
    caller.abort();
    expect((await channel.next()).done).to.equal(true);
    expect(log).to.deep.equal(['closed']);
  });

  it('never opens its source when the signal has aborted before', async () => {
    const { channel, opened } = open(AbortSignal.abort());
    expect((await channel.next()).done).to.equal(true);
    expect(opened()).to.equal(0);
  });
});
