import type { ServerResponse } from 'node:http';
import type { Logger } from '../base/logger.ts';
import type { EnhanceActionName } from '../contracts/enhancement.ts';
import type { EnhancementEvent } from '../contracts/enhancement-events.ts';
import type { Have } from '../contracts/events.ts';
import type { EnhancementRow } from '../data/repositories/enhancements.ts';
import { tellEnhancement } from '../services/enhance/tell-enhancement.ts';
import type { FollowReplies } from '../services/follow-replies.ts';
import type { Identity } from '../services/identity.ts';
import { fromTheStart, resumeReplies } from '../services/resume-replies.ts';
import type { EventStream, EventStreams } from './event-streams.ts';

/** One stream to be served. */
export interface EnhancementStreamRequest {
  identity: Identity;
  enhancement: EnhancementRow;
  /** What the client has, if it comes back. */
  after: Have[] | undefined;
  response: ServerResponse;
}

/** Begins a stream, which ends with the enhancement. A client that leaves stops nothing. */
export type ServeEnhancement = (request: EnhancementStreamRequest) => void;

/** What an EventSource waits before it comes back, in milliseconds. */
const RETRY_MS = 1_000;

/** Makes the server of these streams. */
export function createServeEnhancement({
  streams,
  followReplies,
  log,
}: {
  streams: Pick<EventStreams, 'open'>;
  followReplies: FollowReplies;
  log: Logger;
}): ServeEnhancement {
  async function tellAll(stream: EventStream, request: EnhancementStreamRequest): Promise<void> {
    const { enhancement, after, response } = request;
    const { sessionId, replyId, metadata, model, expiresAt } = enhancement;
    const send = ({ event, data }: EnhancementEvent, id?: string) => stream.send(data, { event, id });
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const action = enhancement.action as EnhanceActionName;
    await send({
      event: 'connected',
      data: { sessionId, action, model, expiresAt: expiresAt.toISOString() },
    });
    await send({ event: 'metadata', data: metadata });
    const have = after?.filter(({ messageId }) => messageId === replyId) ?? [];
    const followed = {
      sessionId,
      have: have.length > 0 ? have : fromTheStart([replyId]),
      signal: gone.signal,
    };
    for await (const { event, id } of resumeReplies(followReplies, followed)) {
      const told = await tellEnhancement(event);
      if (told) await send(told, id);
    }
  }

  return (request) => {
    const stream = streams.open(request.response, request.identity, RETRY_MS);
    tellAll(stream, request)
      .catch((error: unknown) => {
        // The client comes back, and says what it has.
        log.warn({ err: error, sessionId: request.enhancement.sessionId }, 'an enhancement was not told on');
      })
      .finally(() => stream.end());
  };
}
