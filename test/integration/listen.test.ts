import { once } from 'node:events';
import type { Server } from 'node:net';
import { expect } from 'chai';
import { createHttpServer } from '../../src/http/http-server.ts';
import { type ListenOptions, listen } from '../../src/http/listen.ts';
import { silentLog as log } from '../support/global.ts';

const HERE = { host: '127.0.0.1', port: 0, portName: 'PORT', log } as const;

describe('listening', () => {
  it('names the variable of a port that is taken', async () => {
    const first = createHttpServer();
    const port = await listen(first, HERE);
    for (const portName of ['PORT', 'METRICS_PORT'] as const) {
      const why = await failure({ ...HERE, port, portName });
      expect(why).to.match(new RegExp(`^${portName}: ${port} is taken on 127.0.0.1; `));
    }
    await end(first);
  });

  for (const host of ['a..b', '203.0.113.7']) {
    it(`names HOST where nobody can listen on ${host}`, async () => {
      const why = await failure({ ...HERE, host });
      expect(why).to.match(new RegExp(`^HOST: nobody can listen on "${host}" here; `));
    });
  }

  it('goes on after connections that could not be taken', async () => {
    const server = createHttpServer();
    server.on('request', (_request, response) => response.setHeader('connection', 'close').end('here'));
    const port = await listen(server, HERE);
    // What Node tells when the process may open no more files.
    for (const left of [2, 1]) server.emit('error', new Error(`accept EMFILE, ${left}`));
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).to.equal('here');
    await end(server);
  });
});

/** Why it fails. */
const failure = (options: ListenOptions): Promise<string> =>
  listen(createHttpServer(), options).then(
    () => 'it did not fail',
    (error: Error) => error.message,
  );

async function end(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
