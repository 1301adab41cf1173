import type { ServerResponse } from 'node:http';
import type { Logger } from '../base/logger.ts';
import type { Have } from '../contracts/events.ts';
import type { Identity } from '../services/identity.ts';
import type { LiveMessages } from '../services/live-messages.ts';
import type { EventStreams } from './event-streams.ts';
import { Outbox, type Wire } from './outbox.ts';
import type { RoomHub } from './room-hub.ts';
import { SessionReader } from './session-reader.ts';
import { sseWire } from './sse-wire.ts';
import type { UserConnections } from './user-connections.ts';
import { type WatchAccessDeps, watchAccess } from './watch-access.ts';

/** What event streams need. */
export interface SessionStreamsDeps extends WatchAccessDeps {
  hub: RoomHub;
  messages: LiveMessages;
  /** Most bytes that wait for a slow reader. */
  maxBufferBytes: number;
  streams: Pick<EventStreams, 'open'>;
  userConnections: Pick<UserConnections, 'enter'>;
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
   * Serves one stream; resolves once it has begun, or its client has left: nothing is prepared for one that has.
   *
   * @throws {AppError} `conflict` for a user who has too many; whatever `prepare` throws, and when the broker or the database
   *   does not answer; then nothing was sent
   */
  serve(request: SessionStreamRequest): Promise<void>;
}

/** What an EventSource waits before it comes back, in milliseconds. */
const RETRY_MS = 1_000;

/** Makes the server of sessions' event streams. */
export function createSessionStreams(deps: SessionStreamsDeps): SessionStreams {
  const { hub, messages, maxBufferBytes, streams, log } = deps;

  return {
    async serve({ identity, sessionId, after = [], prepare, response }) {
      // That it closes is told once, and it may have been while the request was looked at.
      if (response.destroyed) return;
      response.once('close', deps.userConnections.enter(identity.userId));
      let end = () => {};
      const wire = untilDeleted(sseWire(response, after), () => end());
      const outbox = new Outbox(wire, maxBufferBytes);
      const onFailure = (error: unknown) => {
        log.warn({ err: error, sessionId }, 'an event stream could not be brought up to date');
        if (!response.writableEnded) response.end();
      };
      const reader = new SessionReader({ sessionId, outbox, hub, messages, onFailure });
      // Also for a client that leaves while the stream is being prepared.
      response.once('close', () => {
        reader.leave();
        outbox.close();
      });
      outbox.hold();
      try {
        await reader.join(after);
        if (prepare && !response.destroyed) await reader.ensure(await prepare());
      } catch (error) {
        reader.leave();
        throw error;
      }
      if (response.destroyed) return;
      ({ end } = streams.open(response, identity, RETRY_MS));
      response.once('close', watchAccess(deps, { identity: () => identity, end }));
      outbox.release();
    },
  };
}

/** A wire that is over with its session: nothing follows, and a client that comes back is told that there is no such session. */
function untilDeleted(wire: Wire, end: () => void): Wire {
  return {
    write(frame, flushed) {
      wire.write(frame, flushed);
      if (frame.is('session:delete')) end();
    },
  };
}
