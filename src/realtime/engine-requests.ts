import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'socket.io';
import { AppError, invalidField, toProblem } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { cutOff } from './cut-off.ts';
import type { Handshakes } from './handshakes.ts';
import { sessionIdOf } from './session-id.ts';

/** What Engine.IO answers; `OPTIONS` is answered before, where origins are allowed. */
const METHODS = 'GET, POST';
/** How long a WebSocket that is refused may take to ask, in milliseconds: enough to have it told. */
const REFUSED_MS = 3_000;

/**
 * Has requests refused to which Engine.IO has no answer: any other method within a session is a 500 to it, and what asks for
 * a WebSocket's session without offering one is never answered. Once `io` is attached.
 */
export function refuseUnanswerable({ engine }: Pick<Server, 'engine'>): void {
  engine.use((request: IncomingMessage, response: unknown, next: () => void) => {
    // Anything else stands in for one, where a WebSocket is offered.
    if (!(response instanceof ServerResponse)) return next();
    const refused = refusalOf(request);
    if (refused) refuse(response, refused);
    else next();
  });
}

/**
 * Has every handshake counted, and refused beyond the limit. Nobody could read the answer to one that offers a WebSocket in
 * a browser: that one is told when it asks for a namespace, and cut off if it does not. Once `io` is attached.
 */
export function limitHandshakes(
  { engine }: Pick<Server, 'engine'>,
  handshakes: Pick<Handshakes, 'count' | 'isRefused'>,
): void {
  engine.use((request: IncomingMessage, response: unknown, next: () => void) => {
    if (sessionIdOf(request)) return next();
    const { socket } = request;
    const isPolling = response instanceof ServerResponse;
    // Where a WebSocket is offered nobody else listens meanwhile.
    if (!isPolling) socket.on('error', ignore);
    void handshakes.count(request).then((refused) => {
      socket.off('error', ignore);
      // Engine.IO would not hear that it has left.
      if (socket.destroyed) return;
      if (refused && isPolling) refuse(response, refused);
      else next();
    });
  });
  engine.on('connection', (connection: Socket['conn']) => {
    if (!handshakes.isRefused(connection.request)) return;
    const late = setTimeout(() => cutOff(connection), REFUSED_MS).unref();
    connection.once('close', () => clearTimeout(late));
  });
}

const ignore = (): void => {};

function refuse(response: ServerResponse, refused: unknown): void {
  const problem = toProblem(refused, newId());
  const { retryAfterSeconds } = problem;
  response
    .writeHead(problem.status, {
      'Content-Type': 'application/problem+json',
      'X-Request-Id': problem.requestId,
      ...(retryAfterSeconds === undefined
        ? { Allow: METHODS }
        : { 'Retry-After': String(retryAfterSeconds) }),
    })
    .end(JSON.stringify(problem));
}

function refusalOf({ method = '', url = '' }: IncomingMessage): AppError | undefined {
  if (!METHODS.split(', ').includes(method)) {
    return new AppError('method_not_allowed', `This path does not answer to ${method}.`);
  }
  const { searchParams } = new URL(url, 'http://localhost');
  if (!searchParams.getAll('transport').includes('websocket')) return undefined;
  return invalidField('query.transport', 'is that of requests that offer a WebSocket');
}
