import { once } from 'node:events';
import { expect } from 'chai';
import WebSocket from 'ws';
import type { Problem } from '../../src/contracts/errors.ts';
import { useTestDatabase } from '../support/database.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

describe('Engine.IO, byte by byte', () => {
  const database = useTestDatabase();
  let app: WebApp;

  before(async () => {
    app = await startWebApp(database(), { CORS_ORIGINS: 'https://chat.example' });
  });
  after(() => app.close());

  const ask = (query: string, init: RequestInit = {}) =>
    fetch(`${app.url}/socket.io/?EIO=4&${query}`, { signal: AbortSignal.timeout(5_000), ...init });

  async function openSession(): Promise<string> {
    const opened = await (await ask('transport=polling')).text();
    return (JSON.parse(opened.slice(1)) as { sid: string }).sid;
  }

  for (const method of ['PUT', 'PATCH', 'DELETE', 'HEAD']) {
    it(`refuses ${method}, in a session and outside`, async () => {
      const sid = await openSession();
      for (const query of ['transport=polling', `transport=polling&sid=${sid}`]) {
        const answer = await ask(query, { method });
        expect(answer.status).to.equal(405);
        expect(answer.headers.get('allow')).to.equal('GET, POST');
        if (method !== 'HEAD') expect(((await answer.json()) as Problem).code).to.equal('method_not_allowed');
      }
    });
  }

  it('answers preflights', async () => {
    const headers = { origin: 'https://chat.example', 'access-control-request-method': 'POST' };
    const answer = await ask('transport=polling', { method: 'OPTIONS', headers });
    expect(answer.status).to.equal(204);
    expect(answer.headers.get('access-control-allow-origin')).to.equal('https://chat.example');
  });

  describe('a request of long polling', () => {
    const send = (sid: string, body: string | ReadableStream) =>
      ask(`transport=polling&sid=${sid}`, { method: 'POST', body, duplex: 'half' } as RequestInit);
    const pongs = (count: number) => Array.from({ length: count }, () => '3').join('\x1e');
    const isOpen = async (sid: string) => (await send(sid, '3')).status === 200;

    it('may have many packets', async () => {
      const sid = await openSession();
      expect((await send(sid, pongs(1_000))).status).to.equal(200);
      expect(await isOpen(sid)).to.equal(true);
    });

    it('with more than any client sends ends the connection', async () => {
      const sid = await openSession();
      const other = await openSession();
      await expectLost(send(sid, pongs(1_001)));
      expect(await isOpen(sid)).to.equal(false);
      expect(await isOpen(other)).to.equal(true);
    });

    it('is not waited for to see that', async () => {
      const sid = await openSession();
      const endless = new ReadableStream({ start: (body) => body.enqueue(Buffer.from(pongs(1_001))) });
      await expectLost(send(sid, endless));
      expect(await isOpen(sid)).to.equal(false);
    });

    async function expectLost(sending: Promise<Response>): Promise<void> {
      const error = await sending.then(
        ({ status }) => new Error(`answered with ${status}`),
        ({ cause }: { cause: Error }) => cause,
      );
      expect(error).to.have.property('code').that.is.oneOf(['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE']);
    }
  });

  it('refuses requests of a WebSocket that offer none', async () => {
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const [opened] = (await once(socket, 'message')) as [Buffer];
    const { sid } = JSON.parse(opened.toString().slice(1)) as { sid: string };
    try {
      for (const method of ['GET', 'POST']) {
        expect((await ask(`transport=websocket&sid=${sid}`, { method })).status).to.equal(400);
      }
    } finally {
      socket.close();
    }
  });
});
