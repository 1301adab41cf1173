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
