import type { ServerResponse } from 'node:http';
import type { Logger } from '../base/logger.ts';
import type { Identity } from '../services/identity.ts';
import type { SentEvent } from '../services/resume-replies.ts';
import type { AppContext } from './context.ts';

/** Begins an event stream, see `EventStreams` of `realtime`. */
export type OpenEventStream = (
  response: ServerResponse,
  identity: Identity,
  retryMs?: number,
) => {
  /** Resolves once it has left this process. */
  send(data: unknown, event: { event: string; id?: string | undefined }): Promise<void>;
  end(): void;
};

/** What is sent to whom. */
export interface EventsToSend {
  identity: Identity;
  open: OpenEventStream;
  log: Logger;
  /** Begun at once, and left when the stream ends, by whoever ended it. */
  events: (signal: AbortSignal) => AsyncIterable<SentEvent>;
}

/** What an EventSource waits before it comes back, in milliseconds. */
const RETRY_MS = 1_000;

/** Takes the answer over, and sends events as they come. One that reads slowly is waited for: nothing is collected for it. */
export function sendEvents(ctx: AppContext, { identity, open, log, events }: EventsToSend): undefined {
  const { res } = ctx;
  ctx.respond = false;
  if (res.closed || res.destroyed) return undefined;
  const over = new AbortController();
  res.once('close', () => over.abort());
  const stream = open(res, identity, RETRY_MS);
  const send = async () => {
    for await (const event of events(over.signal)) await stream.send(event.data, event);
  };
  send()
    .catch((error: unknown) => log.warn({ err: error }, 'an event stream broke off'))
    // Also of one that broke off: its client comes back.
    .finally(() => stream.end());
  return undefined;
}

/**
 * Answers 204, which tells an EventSource that there is nothing to come back for:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function sendNothingMore(ctx: AppContext): undefined {
  ctx.respond = false;
  ctx.res.writeHead(204).end();
  return undefined;
}
