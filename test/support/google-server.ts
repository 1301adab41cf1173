import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OAuth2Server } from 'oauth2-mock-server';

/** What the server says of whoever signs in. */
export type Userinfo = Record<string, unknown>;

/** A local OAuth server in the place of Google. */
export interface GoogleServer {
  /** The variables of a server that uses it. */
  readonly env: Record<string, string>;
  /** Who signs in from now on. */
  userinfo: Userinfo;
  /** Who is told of first, one a request. */
  readonly userinfoQueue: Userinfo[];
  /** What it was asked, newest last; `userinfo` with the header of the request and what was in its URL. */
  readonly asked: { authorize: URLSearchParams[]; token: Record<string, string>[]; userinfo: string[] };
  /** Answers the next request to an endpoint in the place of the server. */
  intercept(path: '/token' | '/userinfo', answer: (res: ServerResponse) => void): void;
  /** Answers everything by itself again, also what nobody has asked for yet. */
  interceptNothing(): void;
  close(): Promise<void>;
}

export const CLIENT = { id: 'parley-client', secret: 'a-secret-of-the-client' };

/** Starts it. Everything goes through a server of ours that may answer first. */
export async function startGoogleServer(callbackUrl: string): Promise<GoogleServer> {
  const oauth = new OAuth2Server();
  await oauth.issuer.keys.generate('RS256');
  oauth.issuer.url = 'http://google.test';
  const interceptors = new Map<string, (res: ServerResponse) => void>();
  const asked: GoogleServer['asked'] = { authorize: [], token: [], userinfo: [] };

  const front = createServer((req: IncomingMessage, res: ServerResponse) => {
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://google.test');
    if (pathname === '/authorize') asked.authorize.push(searchParams);
    if (pathname === '/userinfo') asked.userinfo.push(`${req.headers.authorization} ${searchParams}`);
    const answer = interceptors.get(pathname);
    interceptors.delete(pathname);
    if (answer) answer(res);
    else oauth.service.requestHandler(req, res);
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;

  oauth.service.on('beforeResponse', (_response, req: { body: Record<string, string> }) => {
    asked.token.push(req.body);
  });
  oauth.service.on('beforeUserinfo', (response: { body: unknown }) => {
    response.body = server.userinfoQueue.shift() ?? server.userinfo;
  });
  const server: GoogleServer = {
    env: {
      GOOGLE_CLIENT_ID: CLIENT.id,
      GOOGLE_CLIENT_SECRET: CLIENT.secret,
      GOOGLE_CALLBACK_URL: callbackUrl,
      GOOGLE_AUTHORIZATION_URL: `${url}/authorize`,
      GOOGLE_TOKEN_URL: `${url}/token`,
      GOOGLE_USERINFO_URL: `${url}/userinfo`,
    },
    userinfo: {},
    userinfoQueue: [],
    asked,
    intercept: (path, answer) => interceptors.set(path, answer),
    interceptNothing: () => interceptors.clear(),
    async close() {
      front.close();
      front.closeAllConnections();
    },
  };
  return server;
}
