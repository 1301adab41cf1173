import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import { listen } from '../../src/http/listen.ts';

describe('listening', () => {
  it('names the variable of a port that is taken', async () => {
    const first = createServer().listen(0, '127.0.0.1');
    await once(first, 'listening');
    const { port } = first.address() as AddressInfo;
    for (const portName of ['PORT', 'METRICS_PORT'] as const) {
      const taken = listen(createServer(), { host: '127.0.0.1', port, portName });
      expect(await failure(taken)).to.match(new RegExp(`^${portName}: ${port} is taken on 127.0.0.1; `));
    }
    first.close();
    await once(first, 'close');
  });

  for (const host of ['a..b', '203.0.113.7']) {
    it(`names HOST where nobody can listen on ${host}`, async () => {
      const nowhere = listen(createServer(), { host, port: 0, portName: 'PORT' });
      expect(await failure(nowhere)).to.match(new RegExp(`^HOST: nobody can listen on "${host}" here; `));
    });
  }
});

/** Why it fails. */
const failure = (work: Promise<void>): Promise<string> =>
  work.then(
    () => 'it did not fail',
    (error: Error) => error.message,
  );
