import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request and its answer, each from its own side. */
export interface HttpExchange {
  request: http.ClientRequest;
  response: http.ServerResponse;
}

/** Gives the tests of this `describe` a server that answers nothing by itself. Each call asks it once, on a connection of its own. */
export function useHttpExchanges(): { server: http.Server; ask(): Promise<HttpExchange> } {
  const server = http.createServer();
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    server,
    async ask() {
      const { port } = server.address() as AddressInfo;
      const request = http.get(`http://127.0.0.1:${port}`, { agent: false });
      request.on('error', () => {});
      const [, response] = (await once(server, 'request')) as [unknown, http.ServerResponse];
      return { request, response };
    },
  };
}
