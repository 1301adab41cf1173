import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { type Deadlines, guardProvider } from '../../src/providers/guard-provider.ts';
import { ProviderError, type ProviderEvent } from '../../src/providers/provider.ts';

const PATIENT: Deadlines = { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 60_000 };
const REQUEST = { model: 'm', turns: [] };
const FINISH: ProviderEvent = { type: 'finish', reason: 'stop' };
const text = (value: string): ProviderEvent => ({ type: 'text', text: value });
const never = (): Promise<never> => new Promise(() => {});

type Script = (signal: AbortSignal) => AsyncIterable<ProviderEvent>;

function open(script: Script, deadlines = PATIENT, signal = new AbortController().signal) {
  return guardProvider({ name: 'fake', stream: (_, upstream) => script(upstream) }, deadlines).stream(
    REQUEST,
    signal,
  );
}

async function collect(stream: AsyncIterable<ProviderEvent>): Promise<ProviderEvent[]> {
  const events: ProviderEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** The types, with the code of an error. */
async function outline(script: Script, deadlines = PATIENT): Promise<string[]> {
  const events = await collect(open(script, deadlines));
  return events.map((event) => (event.type === 'error' ? event.error.code : event.type));
}

describe('guardProvider', () => {
  it('adds the start that an adapter forgot, and gives only one', async () => {
    expect(
      await outline(async function* () {
        yield FINISH;
      }),
    ).to.deep.equal(['start', 'finish']);
    expect(
      await outline(async function* () {
        yield { type: 'start' };
        yield { type: 'start' };
        yield FINISH;
      }),
    ).to.deep.equal(['start', 'finish']);
  });

  it('gives nothing after the end', async () => {
    const script: Script = async function* () {
      yield FINISH;
      yield text('late');
      yield FINISH;
    };
    expect(await outline(script)).to.deep.equal(['start', 'finish']);
  });

  it('makes an error of an end without one, of a throw and of a rejection', async () => {
    expect(
      await outline(async function* () {
        yield text('a');
      }),
    ).to.deep.equal(['start', 'text', 'stream_broken']);
    expect(
      await outline(() => {
        throw new TypeError('a bug');
      }),
    ).to.deep.equal(['start', 'provider_failed']);
    expect(
      await outline(async function* () {
        yield text('a');
        throw new ProviderError('rate_limited', 'slow down');
      }),
    ).to.deep.equal(['start', 'text', 'rate_limited']);
  });

  describe('with calls that somebody pays for', () => {
    const HASTY: Deadlines = { firstTokenTimeoutMs: 200, idleTimeoutMs: 30 };
    const writing = (piece: string): ProviderEvent => ({ type: 'writing', text: piece });
    const told = (onWriting: (piece: string) => Promise<void> | undefined, signal?: AbortSignal) =>
      guardProvider(
        {
          name: 'fake',
          async *stream() {
            yield writing('{');
            yield writing('}');
            yield FINISH;
          },
        },
        HASTY,
      ).stream({ ...REQUEST, onWriting }, signal ?? new AbortController().signal);

    it('reads on when that one does, however long it takes', async () => {
      const seen: string[] = [];
      const events = await collect(
        told(async (piece) => {
          seen.push(`${piece} begins`);
          await new Promise((resolve) => setTimeout(resolve, 60));
          seen.push(`${piece} ends`);
        }),
      );
      expect(events).to.deep.equal([{ type: 'start' }, FINISH]);
      expect(seen).to.deep.equal(['{ begins', '{ ends', '} begins', '} ends']);
    });

    for (const [how, answer] of [
      ['at once', () => undefined],
      ['later', () => Promise.resolve()],
    ] as const) {
      it(`is over when that one lets it go ${how}`, async () => {
        const over = new AbortController();
        const seen: string[] = [];
        const events = await collect(
          told((piece) => {
            seen.push(piece);
            over.abort();
            return answer();
          }, over.signal),
        );
        expect(events).to.deep.equal([{ type: 'start' }]);
        expect(seen).to.deep.equal(['{']);
      });
    }
  });

  it('cleans text and reasoning apart, and leaves out what is empty', async () => {
    const events = await collect(
      open(async function* () {
        yield text('');
        yield text('a\uD83D');
        yield { type: 'reasoning', text: 'b\0\uD83D' };
        yield text('\uDE00');
        yield FINISH;
      }),
    );
    expect(events).to.deep.equal([
      { type: 'start' },
      text('a'),
      { type: 'reasoning', text: 'b\uFFFD' },
      text('😀'),
      { type: 'reasoning', text: '\uFFFD' },
      FINISH,
    ]);
  });

  it('gives the held half of a pair before an error too', async () => {
    const script: Script = async function* () {
      yield text('a\uD83D');
    };
    expect(await outline(script)).to.deep.equal(['start', 'text', 'text', 'stream_broken']);
  });

  it('says timeout although the adapter hangs and ignores its signal', async () => {
    const deadlines = { firstTokenTimeoutMs: 10, idleTimeoutMs: 60_000 };
    const usage: ProviderEvent = { type: 'usage', usage: { inputTokens: 1, outputTokens: 0 } };
    const script: Script = async function* () {
      yield usage;
      await never();
    };
    expect(await outline(script, deadlines)).to.deep.equal(['start', 'usage', 'timeout']);
  });

  it('counts the silence from the last token on, not from the first deadline', async () => {
    const deadlines = { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 10 };
    const script: Script = async function* () {
      yield text('a');
      await never();
    };
    expect(await outline(script, deadlines)).to.deep.equal(['start', 'text', 'timeout']);
  });

  it('does not hold a slow reader against the provider', async () => {
    const deadlines = { firstTokenTimeoutMs: 10, idleTimeoutMs: 10 };
    const script: Script = async function* () {
      yield text('a');
      yield text('b');
      yield FINISH;
    };
    const types: string[] = [];
    for await (const event of open(script, deadlines)) {
      types.push(event.type);
      if (event.type === 'text') await new Promise((resolve) => setTimeout(resolve, 40));
    }
    expect(types).to.deep.equal(['start', 'text', 'text', 'finish']);
  });

  it('does not take a busy process for a silent provider', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [upstream] = (await once(server, 'connection')) as [net.Socket];
    try {
      const script: Script = async function* () {
        yield text('a');
        const arrived = once(client, 'data');
        upstream.write('b');
        // It is there, and this process does not come to it.
        const busyUntil = performance.now() + 60;
        while (performance.now() < busyUntil);
        yield text(String((await arrived)[0]));
        yield FINISH;
      };
      const deadlines = { firstTokenTimeoutMs: 60_000, idleTimeoutMs: 20 };
      expect(await outline(script, deadlines)).to.deep.equal(['start', 'text', 'text', 'finish']);
    } finally {
      client.destroy();
      server.close();
    }
  });

  it('sends the request as soon as reading begins', async () => {
    let asked = false;
    const stream = open(async function* () {
      asked = true;
      yield FINISH;
    });
    expect(asked).to.equal(false);
    await stream[Symbol.asyncIterator]().next();
    expect(asked).to.equal(true);
  });

  for (const [name, script] of Object.entries<Script>({
    finish: async function* () {
      yield FINISH;
    },
    'an error': async function* () {
      yield { type: 'error', error: new ProviderError('network', 'gone') };
    },
    'a broken stream': async function* () {},
  })) {
    it(`aborts the adapter's signal and closes its iterator after ${name}`, async () => {
      let closed = false;
      let upstream: AbortSignal | undefined;
      await collect(
        open(async function* (signal) {
          upstream = signal;
          try {
            yield* script(signal);
          } finally {
            closed = true;
          }
        }),
      );
      expect(upstream?.aborted).to.equal(true);
      expect(closed).to.equal(true);
    });
  }

  it('ends a pending read at once when the caller aborts, and listens no more', async () => {
    const caller = new AbortController();
    let upstream: AbortSignal | undefined;
    const iterator = open(
      async function* (signal) {
        upstream = signal;
        yield await never();
      },
      PATIENT,
      caller.signal,
    )[Symbol.asyncIterator]();
    await iterator.next();
    const pending = iterator.next();
    caller.abort();
    expect(await pending).to.deep.equal({ done: true, value: undefined });
    expect(upstream?.aborted).to.equal(true);
  });

  it('takes its listener off the caller’s signal', async () => {
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: () => void, options?: object) => {
      listeners.add(listener);
      add(type, listener, options);
    };
    signal.removeEventListener = (type: string, listener: () => void) => {
      listeners.delete(listener);
      remove(type, listener);
    };
    const script: Script = async function* () {
      yield FINISH;
    };
    await collect(open(script, PATIENT, signal));
    expect(listeners.size).to.equal(0);
  });
});
