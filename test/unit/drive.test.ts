import { expect } from 'chai';
import type { Candidate } from '../../src/providers/candidate.ts';
import { type DrivenReader, drive } from '../../src/providers/drive.ts';
import { EventChannel } from '../../src/providers/event-channel.ts';
import { guardProvider } from '../../src/providers/guard-provider.ts';
import { ProviderError, type ProviderEvent } from '../../src/providers/provider.ts';
import { createRouter } from '../../src/providers/router.ts';
import { defer } from '../support/deferred.ts';
import { until } from '../support/until.ts';

const text = (value: string): ProviderEvent => ({ type: 'text', text: value });
const FINISH: ProviderEvent = { type: 'finish', reason: 'stop' };
const PATIENT = { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 60_000 };

/** A channel behind guard and router, as in a worker, driven into a list. */
async function begin(reader: Partial<DrivenReader> = {}, idleTimeoutMs = 60_000) {
  const abort = new AbortController();
  const channels: EventChannel[] = [];
  const seen: string[] = [];
  const provider = guardProvider(
    {
      name: 'fake',
      stream: (_, signal) => new EventChannel({ signal, open: (channel) => channels.push(channel) }),
    },
    { ...PATIENT, idleTimeoutMs },
  );
  const candidate: Candidate = { id: 'fake/m', name: 'm', provider, parameters: [], maxOutputTokens: null };
  const route = createRouter({
    health: { coolsUntil: () => 0, refusesUntil: () => 0, report: async () => {} },
  })({ candidates: [candidate], request: { turns: [] }, signal: abort.signal });
  const over = drive(route, {
    ...reader,
    take(event) {
      seen.push('text' in event ? event.text : event.type === 'error' ? event.error.code : event.type);
      return reader.take?.(event);
    },
  });
  over.catch(() => {}); // Looked at by the test.
  await until('the request is sent', () => channels.length === 1);
  const channel = channels[0] as EventChannel;
  channel.push(text('first'));
  await until('the first token is there', () => seen.includes('first'));
  return { abort, channel, route, seen, over };
}

describe('drive', () => {
  it('has each token with the reader when the push of it returns, through guard and router', async () => {
    const { channel, seen, over } = await begin();
    for (const part of ['a', 'b\uD83D', '\uDE00']) {
      channel.push(text(part));
      channel.push({ type: 'reasoning', text: `(${part})` });
    }
    channel.push(FINISH);
    expect(seen.slice(2)).to.deep.equal(['a', '(a)', 'b', '(b\uFFFD)', '😀', '(\uFFFD)', 'finish']);
    await over;
  });

  it('hands nothing over while the reader is busy: what comes meanwhile is merged', async () => {
    const busy = defer();
    const { channel, seen, over } = await begin({
      take: (event) => ('text' in event && event.text === 'stop here' ? busy.promise : undefined),
    });
    channel.push(text('stop here'));
    for (const part of ['a', 'b', 'c']) channel.push(text(part));
    channel.push({ type: 'reasoning', text: 'r' });
    channel.push(FINISH);
    await new Promise(setImmediate);
    expect(seen.slice(2)).to.deep.equal(['stop here']);
    busy.resolve();
    await over;
    expect(seen.slice(3)).to.deep.equal(['abc', 'r', 'finish']);
  });

  it('does not hold a busy reader against the provider, only the silence after it', async () => {
    const busy = defer();
    const { channel, seen, over } = await begin(
      { take: (event) => ('text' in event && event.text === 'a' ? busy.promise : undefined) },
      20,
    );
    channel.push(text('a'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    busy.resolve();
    await over;
    expect(seen.slice(2)).to.deep.equal(['a', 'timeout']);
  });

  it('is over at once when the stream is aborted', async () => {
    const { abort, channel, seen, over, route } = await begin();
    abort.abort();
    channel.push(text('late'));
    await over;
    expect(channel.closed).to.equal(true);
    expect(seen).to.deep.equal(['start', 'first']);
    expect(route.tries.map(({ error }) => error)).to.deep.equal([null]);
  });

  it('waits for a busy reader when the stream is aborted, and gives it nothing more', async () => {
    const busy = defer();
    let ended = false;
    const { abort, channel, seen, over } = await begin({
      take: (event) => ('text' in event && event.text === 'a' ? busy.promise : undefined),
    });
    void over.then(() => (ended = true));
    channel.push(text('a'));
    channel.push(text('unread'));
    abort.abort();
    await new Promise(setImmediate);
    expect([channel.closed, ended]).to.deep.equal([true, false]);
    busy.resolve();
    await over;
    expect(seen.slice(2)).to.deep.equal(['a']);
  });

  it('lets the provider go when the reader leaves, in the push that it leaves at', async () => {
    let enough = false;
    const { channel, seen, over, route } = await begin({ leaves: () => enough });
    enough = true;
    channel.push(text('last'));
    expect(channel.closed).to.equal(true);
    channel.push(text('late'));
    await over;
    expect(seen.slice(2)).to.deep.equal(['last']);
    expect(route.tries.map(({ error }) => error)).to.deep.equal([null]);
  });

  for (const [how, take] of Object.entries<(boom: Error) => Promise<void>>({
    throws: (boom) => {
      throw boom;
    },
    rejects: (boom) => Promise.reject(boom),
  })) {
    it(`rejects with what the reader ${how}, which is nothing to the source`, async () => {
      const boom = new Error('a bug');
      const { channel, seen, over } = await begin({
        take: (event) => ('text' in event && event.text === 'a' ? take(boom) : undefined),
      });
      channel.push(text('a'));
      expect(await over.catch((thrown: unknown) => thrown)).to.equal(boom);
      expect(channel.closed).to.equal(true);
      expect(seen.slice(2)).to.deep.equal(['a']);
    });
  }

  it('reads any other async iterable, and leaves it', async () => {
    let left = false;
    const seen: string[] = [];
    async function* events(): AsyncGenerator<ProviderEvent> {
      try {
        for (const part of ['a', 'b', 'c']) yield text(part);
      } finally {
        left = true;
      }
    }
    await drive(events(), {
      take: async (event) => void seen.push('text' in event ? event.text : event.type),
      leaves: () => seen.length === 2,
    });
    await until('it was left', () => left);
    expect(seen).to.deep.equal(['a', 'b']);
  });

  it('makes an error of what another iterable throws', async () => {
    const seen: string[] = [];
    async function* events(): AsyncGenerator<ProviderEvent> {
      yield text('a');
      throw new ProviderError('overloaded', 'no');
    }
    const take = (event: ProviderEvent): undefined =>
      void seen.push(event.type === 'error' ? event.error.code : event.type);
    await drive(events(), { take });
    expect(seen).to.deep.equal(['text', 'overloaded']);
  });

  it('is a loop, not a recursion, where very many events wait', async () => {
    const signal = new AbortController().signal;
    let count = 0;
    const usage: ProviderEvent = { type: 'usage', usage: { inputTokens: 1, outputTokens: 1 } };
    const open = (channel: EventChannel) => {
      for (let n = 0; n < 50_000; n += 1) channel.push(usage);
      channel.push(FINISH);
    };
    const take = (): undefined => {
      count += 1;
    };
    await drive(new EventChannel({ signal, open }), { take });
    expect(count).to.equal(50_002);
  });
});
