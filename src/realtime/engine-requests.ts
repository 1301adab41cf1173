import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'socket.io';
import { AppError, invalidField, toProblem } from '../base/errors.ts';
import { newId } from '../base/ids.ts';

/** What Engine.IO answers; `OPTIONS` is answered before, where origins are allowed. */
const METHODS = 'GET, POST';

/**
 * Has requests refused to which Engine.IO has no answer: any other method within a session is a 500 to it, and what asks for
 * a WebSocket's session without offering one is never answered. Once `io` is attached.
 */
export function refuseUnanswerable({ engine }: Pick<Server, 'engine'>): void {
  engine.use((request: IncomingMessage, response: unknown, next: () => void) => {
    // Anything else stands in for one, where a WebSocket is offered.
    if (!(response instanceof ServerResponse)) return next();
    const refused = refusalOf(request);
    if (!refused) return next();
    const problem = toProblem(refused, newId());
    response
      .writeHead(problem.status, { 'Content-Type': 'application/problem+json', Allow: METHODS })
      .end(JSON.stringify(problem));
  });
}

function refusalOf({ method = '', url = '' }: IncomingMessage): AppError | undefined {
  if (!METHODS.split(', ').includes(method)) {
    return new AppError('method_not_allowed', `This path does not answer to ${method}.`);
  }
  const { searchParams } = new URL(url, 'http://localhost');
  if (!searchParams.getAll('transport').includes('websocket')) return undefined;
  return invalidField('query.transport', 'is that of requests that offer a WebSocket');
}
