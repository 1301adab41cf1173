import { notFound } from '../base/errors.ts';
import { formatEventId } from '../contracts/event-id.ts';
import type { Have } from '../contracts/events.ts';
import type { Message } from '../contracts/message.ts';
import type { PlaygroundStreamEvents, StartedRun } from '../contracts/playground.ts';
import { END_ID } from '../contracts/routes/playground.ts';
import type { Database } from '../data/database.ts';
import { findReplies } from '../data/repositories/lanes.ts';
import { presentLaneEnd, presentRunEnd } from '../presenters/playground.ts';
import type { FollowReplies, ReplyEvent } from './follow-replies.ts';
import type { LiveMessages } from './live-messages.ts';
import { fromTheStart, resumeReplies, type SentEvent } from './resume-replies.ts';

/** What streaming a run needs. */
export interface StreamRunDeps {
  database: Pick<Database, 'db'>;
  followReplies: FollowReplies;
  liveMessages: Pick<LiveMessages, 'current'>;
}

/** Begins a stream; it ends with `end`, or without it when `signal` aborts. */
export type OpenRunStream = (signal: AbortSignal) => AsyncIterable<SentEvent>;

/** One prompt of a run as an event stream: see `PlaygroundStreamEvents`. */
export interface StreamRun {
  /** From its beginning. */
  start(run: StartedRun): OpenRunStream;
  /** From where a client left off. @throws {AppError} `not_found` */
  resume(userId: string, have: readonly Have[]): Promise<OpenRunStream>;
}

interface FollowedRun {
  sessionId: string;
  /** By message. */
  lanes: Map<string, { lane: number; model: string }>;
  have: readonly Have[];
  signal: AbortSignal;
}

/** Makes it. */
export function createStreamRun({ database, followReplies, liveMessages }: StreamRunDeps): StreamRun {
  async function* follow({ sessionId, lanes, have, signal }: FollowedRun): AsyncGenerator<SentEvent> {
    const ended: Message[] = [];
    /** Of whose end this stream did not tell: the client had it already. */
    const untold = new Set(lanes.keys());
    for await (const { event, id } of resumeReplies(followReplies, { sessionId, have, signal })) {
      if (event.type === 'end') {
        ended.push(event.message);
        untold.delete(event.message.id);
      } else if (event.type === 'gone') untold.delete(event.messageId);
      yield laneEvent(event, id, lanes);
    }
    if (signal.aborted) return;
    const others = untold.size > 0 ? await liveMessages.current(sessionId, [...untold]) : [];
    const data: PlaygroundStreamEvents['end'] = presentRunEnd(sessionId, [...ended, ...others]);
    yield { event: 'end', id: END_ID, data };
  }

  return {
    start: (run) =>
      async function* (signal) {
        const { session, lanes } = run;
        const have = fromTheStart(lanes.map(({ messageId }) => messageId));
        yield { event: 'session', id: formatEventId(have), data: run };
        const byMessage = new Map(lanes.map(({ messageId, lane, model }) => [messageId, { lane, model }]));
        yield* follow({ sessionId: session.id, lanes: byMessage, have, signal });
      },

    async resume(userId, have) {
      const ids = have.map(({ messageId }) => messageId);
      const found = await findReplies(database.db, { userId, kind: 'playground', ids });
      const sessionId = found[0]?.sessionId;
      if (sessionId === undefined) throw notFound('session');
      const there = found.filter((reply) => reply.sessionId === sessionId);
      const lanes = new Map(
        there.map(({ messageId, lane, model }) => [messageId, { lane: lane ?? 0, model }]),
      );
      // A lane that was deleted meanwhile is left out.
      const known = have.filter(({ messageId }) => lanes.has(messageId));
      return (signal) => follow({ sessionId, lanes, have: known, signal });
    },
  };
}

function laneEvent(event: ReplyEvent, id: string, lanes: FollowedRun['lanes']): SentEvent {
  if (event.type === 'end') return { event: 'done', id, data: presentLaneEnd(event.message) };
  const { type, messageId, ...rest } = event;
  return { event: type, id, data: { ...lanes.get(messageId), messageId, ...rest } };
}
