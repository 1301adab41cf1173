import { createServer, IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError, invalidField, toProblem } from '../base/errors.ts';
import { newId } from '../base/ids.ts';

/**
 * Most bytes of a request's first line and headers together. More than Node's 16 kB: a prompt may stand in a query
 * (`GET /v1/stream`), where a letter takes up to nine bytes.
 */
export const MAX_HEAD_BYTES = 65_536;

/** How long a client may take nothing of an answer, in milliseconds. */
export const UNREAD_MS = 30_000;

/** What {@link createHttpServer} is told. */
export interface HttpServerOptions {
  /** Only there an offer of another protocol is looked at. */
  upgradePath?: string;
  /** As {@link UNREAD_MS}. */
  unreadMs?: number;
}

/**
 * An HTTP server that does not listen yet. It answers what Node alone would refuse without a word as everything else is
 * refused, and takes offers of another protocol for what they are: only under `upgradePath` they are looked at
 * (RFC 9110, section 7.8), and clients that offer HTTP/2 with each request are answered in HTTP/1.1. Every answer whose
 * connection is lost is told so, by `close`; and the connection of one of which nothing is read is ended, as it is kept in memory.
 */
export function createHttpServer({ upgradePath, unreadMs = UNREAD_MS }: HttpServerOptions = {}): Server {
  const unanswered = new WeakMap<Duplex, Set<ServerResponse>>();
  const server = createServer({
    IncomingMessage: requestsFor(upgradePath),
    ServerResponse: responsesFor((socket, response) => {
      unanswered.get(socket)?.add(response);
      response.once('close', () => unanswered.get(socket)?.delete(response));
      response.once('prefinish', () => {
        // Nearly all answers are with the system by now.
        if (response.socket?.writableLength) endUnread(response, unreadMs);
      });
    }),
    maxHeaderSize: MAX_HEAD_BYTES,
    // A request without is refused by the app, in words.
    requireHostHeader: false,
  });
  server.on('connection', (socket) => {
    const answers = new Set<ServerResponse>();
    unanswered.set(socket, answers);
    // Node 24 tells all of them, in this same turn of the event loop: whoever was told is not among them any more.
    socket.once('close', () => setImmediate(() => answers.forEach(tellLost)));
  });
  // An expectation that is not known may be ignored: RFC 9110, section 10.1.1.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const hasBegun = [...(unanswered.get(socket) ?? [])].some(({ headersSent }) => headersSent);
    if (error.code === 'ECONNRESET' || !socket.writable || hasBegun) socket.destroy();
    else socket.end(encodeRefusal(refusalOf(error.code)), () => socket.destroy());
  });
  return server;
}

/**
 * Of a lost connection Node before 24 tells the answer that is being sent, and none of those that wait behind it
 * (pipelining): they would wait, and be written to, for ever.
 */
function tellLost(response: ServerResponse): void {
  if (response.socket || response.writableFinished) return;
  response.destroy();
  response.emit('close');
}

/**
 * Ends the connection of an answer when something of it waits to be read, and nothing of it is for so long. Node's timer of a connection
 * knows a slow client, which takes some of it, from one that takes nothing.
 */
export function endUnread(response: ServerResponse, ms = UNREAD_MS): void {
  response.setTimeout(ms, () => {
    if (response.socket?.writableLength) response.socket.destroy();
  });
  // Before Node sets its own, or hands the connection to the answer behind this one.
  response.prependOnceListener('finish', () => response.socket?.setTimeout(0));
}

/** Every answer is told of when it is made: who hears of requests is for others to say, and Socket.IO keeps its own to itself. */
function responsesFor(
  onResponse: (socket: Duplex, response: ServerResponse) => void,
): typeof ServerResponse<IncomingMessage> {
  return class<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
    constructor(...args: ConstructorParameters<typeof ServerResponse<Request>>) {
      super(...args);
      onResponse(args[0].socket, this);
    }
  };
}

/** Node hands over a request that offers another protocol to whoever listens for that, unless this says that it is none. */
function requestsFor(upgradePath: string | undefined): typeof IncomingMessage {
  const offered = new WeakMap<IncomingMessage, unknown>();
  return class extends IncomingMessage {
    get upgrade(): unknown {
      return upgradePath !== undefined && this.url?.startsWith(upgradePath) ? offered.get(this) : false;
    }

    set upgrade(value: unknown) {
      offered.set(this, value);
    }
  };
}

/** https://nodejs.org/docs/latest-v20.x/api/http.html#event-clienterror */
function refusalOf(code: string | undefined): AppError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const most = `${MAX_HEAD_BYTES} bytes`;
    return new AppError(
      'headers_too_large',
      `The URL and the headers may have ${most}. Send a long text with POST.`,
    );
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new AppError('request_timeout', 'The request did not come to its end in time.');
  }
  return invalidField('request', 'is not HTTP/1.1 as RFC 9112 describes it');
}

function encodeRefusal(error: AppError): string {
  const problem = toProblem(error, newId());
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${problem.requestId}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
