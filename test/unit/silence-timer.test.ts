import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { SilenceTimer } from '../../src/providers/silence-timer.ts';

describe('a silence timer', () => {
  let calls = 0;
  let onCall: (() => void) | undefined;
  const timer = new SilenceTimer(() => {
    calls += 1;
    onCall?.();
  });
  const called = () => new Promise<void>((resolve) => (onCall = resolve));
  /** Longer than silence lasts here, and what is due then has been done. */
  const pause = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setImmediate(resolve));
  };
  beforeEach(() => {
    calls = 0;
  });

  it('calls once when nothing was heard for long enough', async () => {
    const silent = called();
    timer.begin(5);
    timer.begin(5);
    const open = setInterval(() => {}, 1_000); // The timer itself keeps no process alive.
    await silent;
    await pause();
    clearInterval(open);
    expect(calls).to.equal(1);
  });

  it('does not call after its end', async () => {
    timer.begin(5);
    timer.end();
    await pause();
    expect(calls).to.equal(0);
  });

  it('does not take a busy process for silence: what arrived meanwhile begins it anew', async () => {
    const { near, far, close } = await openConnection();
    const heard = once(near, 'data');
    near.on('data', () => timer.begin(60_000));
    timer.begin(5);
    far.write('more');
    const busyUntil = performance.now() + 30;
    while (performance.now() < busyUntil);
    await heard;
    await pause();
    timer.end();
    close();
    expect(calls).to.equal(0);
  });
});

async function openConnection(): Promise<{ near: Socket; far: Socket; close(): void }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [[far]] = await Promise.all([accepted, once(near, 'connect')]);
  const close = () => {
    near.destroy();
    far.destroy();
    server.close();
  };
  return { near, far, close };
}
