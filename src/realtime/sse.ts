import type { ServerResponse } from 'node:http';
import { now } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Have } from '../contracts/events.ts';
import type { Identity } from '../services/identity.ts';
import type { LiveMessages } from '../services/live-messages.ts';
import type { Revocations } from '../services/revocations.ts';
import { Outbox } from './outbox.ts';
import type { RoomHub } from './room-hub.ts';
import { SessionReader } from './session-reader.ts';
import { sseWire } from './sse-wire.ts';

/** What event streams need. */
export interface SessionStreamsDeps {
  hub: RoomHub;
  messages: LiveMessages;
  /** Most bytes that wait for a slow reader. */
  maxBufferBytes: number;
  heartbeatMs: number;
  revocations: Pick<Revocations, 'isRevoked' | 'onRevoked'>;
  log: Logger;
}

/** One event stream to be served. */
export interface SessionStreamRequest {
  identity: Identity;
  /** A session that is known to be the user's. */
  sessionId: string;
  /** What the client has, if it comes back. */
  after: Have[] | undefined;
  /**
   * Done once the stream misses nothing, and before anything of it is sent, so that its failure can still be
   * answered as one. Answers the messages that the client must be told of.
   */
  prepare?: (() => Promise<string[]>) | undefined;
  response: ServerResponse;
}

/** The SSE mirror: the same events as in the session's room, over the same subscription. */
export interface SessionStreams {
  /**
   * Serves one stream; resolves once it has begun.
   *
   * @throws whatever `prepare` throws, and when the broker or the database does not answer; then nothing was sent
   */
  serve(request: SessionStreamRequest): Promise<void>;
  /** Streams that are open. */
  readonly count: number;
  /** Ends every stream; the clients come back by themselves, elsewhere. */
  stop(): void;
}

/** What an EventSource waits before it comes back, in milliseconds. */
const RETRY_MS = 1_000;
const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-transform',
  Connection: 'keep-alive',
  // nginx would collect the deltas otherwise.
  'X-Accel-Buffering': 'no',
};

/** Makes the server of event streams. */
export function createSessionStreams(deps: SessionStreamsDeps): SessionStreams {
  const { hub, messages, maxBufferBytes, heartbeatMs, revocations, log } = deps;
  const open = new Map<ServerResponse, Identity>();

  const unsubscribe = revocations.onRevoked((familyId) => {
    for (const [response, identity] of open) if (identity.familyId === familyId) response.end();
  });
  const heartbeat = setInterval(() => {
    for (const [response, identity] of open) {
      if (identity.expiresAt <= now()) response.end('event: auth:expired\ndata: {"graceMs":0}\n\n');
      else if (response.writableLength === 0) response.write(': heartbeat\n\n');
    }
  }, heartbeatMs);
  heartbeat.unref();

  return {
    async serve({ identity, sessionId, after = [], prepare, response }) {
      const outbox = new Outbox(sseWire(response, after), maxBufferBytes);
      const onFailure = (error: unknown) => {
        log.warn({ err: error, sessionId }, 'an event stream could not be brought up to date');
        response.end();
      };
      const reader = new SessionReader({ sessionId, outbox, hub, messages, onFailure });
      // Also for a client that leaves while the stream is being prepared.
      response.once('close', () => {
        open.delete(response);
        reader.leave();
        outbox.close();
      });
      outbox.hold();
      try {
        await reader.join(after);
        if (prepare) await reader.ensure(await prepare());
      } catch (error) {
        reader.leave();
        throw error;
      }
      if (response.closed || response.destroyed) return;
      response.writeHead(200, HEADERS);
      response.write(`retry: ${RETRY_MS}\n\n`);
      open.set(response, identity);
      outbox.release();
      // It may have been revoked while the stream was prepared, when nobody was told.
      if (revocations.isRevoked(identity.familyId)) response.end();
    },

    get count() {
      return open.size;
    },

    stop() {
      unsubscribe();
      clearInterval(heartbeat);
      for (const response of open.keys()) response.end();
    },
  };
}
