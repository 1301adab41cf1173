import { notFound } from '../base/errors.ts';
import { tries } from '../base/tries.ts';
import { formatEventId } from '../contracts/event-id.ts';
import type { Have } from '../contracts/events.ts';
import { isTerminal } from '../contracts/message.ts';
import type { PlaygroundStreamEvents, StartedRun } from '../contracts/playground.ts';
import { END_ID } from '../contracts/routes/playground.ts';
import type { Database } from '../data/database.ts';
import { findLaneStates, findReplies, type LaneState } from '../data/repositories/lanes.ts';
import { presentLaneEnd, presentRunEnd } from '../presenters/playground.ts';
import type { FollowReplies, ReplyEvent } from './follow-replies.ts';
import { fromTheStart, resumeReplies, type SentEvent } from './resume-replies.ts';

/** What streaming a run needs. */
export interface StreamRunDeps {
  database: Pick<Database, 'db'>;
  followReplies: FollowReplies;
  /** Rupees per US dollar. */
  inrPerUsd: number;
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
  /** Of all lanes, those among them that were deleted before. */
  messageIds: string[];
  have: readonly Have[];
  signal: AbortSignal;
}

/**
 * A reply that was deleted while it was written ends a little later: when its worker has heard of it, or another has given
 * it up. What has not ended by then is told as running.
 */
const PATIENCE = { firstMs: 20, mostMs: 500, forMs: 60_000 };

/** Makes it. */
export function createStreamRun({ database, followReplies, inrPerUsd }: StreamRunDeps): StreamRun {
  async function* follow(followed: FollowedRun): AsyncGenerator<SentEvent> {
    const { sessionId, lanes, messageIds, have, signal } = followed;
    for await (const { event, id } of resumeReplies(followReplies, { sessionId, have, signal })) {
      yield laneEvent(event, id, lanes);
    }
    const states = await endsOf(sessionId, messageIds, signal);
    if (!states) return;
    const data: PlaygroundStreamEvents['end'] = presentRunEnd(sessionId, states, inrPerUsd);
    yield { event: 'end', id: END_ID, data };
  }

  /** How the lanes have ended: what was deleted is charged as well. Undefined after `signal`. */
  async function endsOf(
    sessionId: string,
    messageIds: string[],
    signal: AbortSignal,
  ): Promise<LaneState[] | undefined> {
    let states: LaneState[] | undefined;
    for await (const _ of tries(PATIENCE, signal)) {
      if (signal.aborted) return undefined;
      states = await findLaneStates(database.db, sessionId, messageIds);
      if (states.every(({ status }) => isTerminal(status))) break;
    }
    return states;
  }

  return {
    start: (run) =>
      async function* (signal) {
        const { session, lanes } = run;
        const messageIds = lanes.map(({ messageId }) => messageId);
        const have = fromTheStart(messageIds);
        yield { event: 'session', id: formatEventId(have), data: run };
        const byMessage = new Map(lanes.map(({ messageId, lane, model }) => [messageId, { lane, model }]));
        yield* follow({ sessionId: session.id, lanes: byMessage, messageIds, have, signal });
      },

    async resume(userId, have) {
      const messageIds = have.map(({ messageId }) => messageId);
      const found = await findReplies(database.db, { userId, kind: 'playground', ids: messageIds });
      const sessionId = found[0]?.sessionId;
      if (sessionId === undefined) throw notFound('session');
      const there = found.filter((reply) => reply.sessionId === sessionId);
      const lanes = new Map(
        there.map(({ messageId, lane, model }) => [messageId, { lane: lane ?? 0, model }]),
      );
      // Of a lane that was deleted meanwhile nothing is told but in the sums at the end.
      const known = have.filter(({ messageId }) => lanes.has(messageId));
      return (signal) => follow({ sessionId, lanes, messageIds, have: known, signal });
    },
  };
}

function laneEvent(event: ReplyEvent, id: string, lanes: FollowedRun['lanes']): SentEvent {
  if (event.type === 'end') return { event: 'done', id, data: presentLaneEnd(event.message) };
  const { type, messageId, ...rest } = event;
  return { event: type, id, data: { ...lanes.get(messageId), messageId, ...rest } };
}
