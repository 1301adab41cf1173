import type { ServerResponse } from 'node:http';
import { now } from '../base/clock.ts';
import type { Identity } from '../services/identity.ts';
import type { Revocations } from '../services/revocations.ts';

/** What open event streams need. */
export interface EventStreamsDeps {
  heartbeatMs: number;
  revocations: Pick<Revocations, 'isRevoked' | 'onRevoked'>;
}

/** One open event stream: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export interface EventStream {
  /**
   * Sends one event.
   *
   * @param data as JSON, unless it is a string
   * @param event without a name it is a `message`
   * @returns once it has left this process: whoever waits for that never has more than one in memory
   */
  send(data: unknown, event?: { event?: string | undefined; id?: string | undefined }): Promise<void>;
  /** Ends it in good order. */
  end(): void;
}

/** The event streams of this process, which end with their sign-ins and with the process. */
export interface EventStreams {
  /**
   * Begins the answer. The stream ends by itself when the client leaves, or its identity expires or is revoked; the
   * response then emits `close`.
   *
   * @param retryMs what an EventSource waits before it comes back; left out: nothing is said
   * @param interrupt how it is ended from here, by the identity or by the process; left out: in good order, as for a
   *   client that comes back by itself
   */
  open(
    response: ServerResponse,
    identity: Identity,
    retryMs?: number,
    interrupt?: (response: ServerResponse) => void,
  ): EventStream;
  /** How many are open. */
  readonly count: number;
  /** Ends every stream; the clients come back by themselves, elsewhere. */
  stop(): void;
}

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-transform',
  Connection: 'keep-alive',
  // nginx would collect the deltas otherwise.
  'X-Accel-Buffering': 'no',
};

/** Opens nothing yet. */
export function createEventStreams({ heartbeatMs, revocations }: EventStreamsDeps): EventStreams {
  const streams = new Map<ServerResponse, { identity: Identity; interrupt: () => void }>();

  const unsubscribe = revocations.onRevoked((familyId) => {
    for (const { identity, interrupt } of streams.values()) if (identity.familyId === familyId) interrupt();
  });
  const heartbeat = setInterval(() => {
    for (const [response, { identity, interrupt }] of streams) {
      // It is over, and its client has not read the rest yet.
      if (response.writableEnded) continue;
      if (identity.expiresAt <= now()) {
        response.write('event: auth:expired\ndata: {"graceMs":0}\n\n');
        interrupt();
      } else if (response.writableLength === 0) response.write(': heartbeat\n\n');
    }
  }, heartbeatMs);
  heartbeat.unref();

  return {
    open(response, identity, retryMs, interrupt = endStream) {
      response.writeHead(200, HEADERS);
      response.flushHeaders();
      if (retryMs !== undefined) response.write(`retry: ${retryMs}\n\n`);
      streams.set(response, { identity, interrupt: () => interrupt(response) });
      // A stream may be ended by several, and written to by one who has not heard of it: that is nothing that failed.
      response.on('error', () => {});
      response.once('close', () => streams.delete(response));
      // The client may have left before: that is told once.
      if (response.destroyed) streams.delete(response);
      // It may have been revoked while the stream was prepared, when nobody was told.
      if (revocations.isRevoked(identity.familyId)) interrupt(response);
      return {
        send: (data, { event, id } = {}) => written(response, encodeEvent(data, { event, id })),
        end: () => endStream(response),
      };
    },
    get count() {
      return streams.size;
    },
    stop() {
      unsubscribe();
      clearInterval(heartbeat);
      for (const { interrupt } of streams.values()) interrupt();
    },
  };
}

/** How long a client may take to read the rest of a stream that is over, in milliseconds. */
const LINGER_MS = 10_000;

/** Ends a stream in good order; one whose client does not read the rest is cut off, as it would be kept for ever. */
function endStream(response: ServerResponse): void {
  if (response.writableEnded || response.destroyed) return;
  response.end();
  const late = setTimeout(() => response.destroy(), LINGER_MS);
  late.unref();
  response.once('close', () => clearTimeout(late));
}

function encodeEvent(
  data: unknown,
  { event, id }: { event: string | undefined; id: string | undefined },
): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  const position = id === undefined ? '' : `id: ${id}\n`;
  return `${name}${position}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}

/** Writes, and waits until the client takes more. One that has left takes everything. */
async function written(response: ServerResponse, text: string): Promise<void> {
  if (response.writableEnded || response.destroyed) return;
  if (response.write(text)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}
